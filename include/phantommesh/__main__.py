"""``python -m phantommesh``: the same as the command ``phantommesh``."""

from phantommesh.cli import main

main(prog_name="phantommesh")
