"""The group of all commands, loaded by name so that one command does not pay for the imports of another."""

import importlib

import click

from readiness import __version__

_COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("readiness.cli.validate", "validate"),
    "run": ("readiness.cli.run", "run"),
    "stage": ("readiness.cli.stage", "stage"),
    "verify": ("readiness.cli.archive", "verify"),
    "show": ("readiness.cli.archive", "show"),
    "runs": ("readiness.cli.archive", "runs"),
    "report": ("readiness.cli.archive", "report"),
    "doctor": ("readiness.cli.doctor", "doctor"),
    "self-test": ("readiness.cli.self_test", "self_test"),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="readiness")
def main() -> None:
    """Decides whether a release of PhantomMesh may ship."""
