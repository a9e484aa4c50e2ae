"""The command line: words in, a verb of `mien.api`, and what it says out."""

from mien.cli.app import app, main

__all__ = ["app", "main"]
