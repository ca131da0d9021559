"""`python -m chaussette` is the `chaussette` command."""

from .cli import main

if __name__ == "__main__":
    main()
