"""``python -m mien``: the command line, where the command itself is not on the path."""

from mien.cli import main

main()
