"""The command line of the engine: one module per command or family of commands.

Lives here: options, messages for people, exit codes (0 approved, 2 rejected, 3 inconclusive, 1 the harness failed).
Must not live here: anything a DAG would need too. Each command imports what it needs when it runs.
"""

from readiness.cli.main import main

__all__ = ["main"]
