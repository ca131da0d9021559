"""The version, and nothing else: read by the build without importing the package."""

__version__ = "2.0.0.dev0"
