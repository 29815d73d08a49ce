"""``python -m tuneline``: the command line."""

from tuneline.cli.main import main

main()
