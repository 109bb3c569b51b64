"""``python -m readiness``: the command line."""

from readiness.cli import main

main()
