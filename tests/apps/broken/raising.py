"""An app whose import fails in the user's own code."""


def helper() -> None:
    raise ValueError("no database")


helper()
