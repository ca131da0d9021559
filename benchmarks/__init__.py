"""Side-by-side measurements, run on demand from the root of the repository: see README.md."""
