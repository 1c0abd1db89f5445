"""The `idp` command: one file per noun, each loaded only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from idp.core.errors import CountersignError

# What `idp --help` says of each noun, so that it need not load them all.
_COMMANDS: Mapping[str, str] = {
    "person": "Add people, look at them, disable, block and unlock them.",
    "method": "Hand out, list and remove people's sign-in methods.",
    "passkey": "Show and set how passkeys are made and taken.",
    "text": "Show and set the limits on text messages.",
    "call": "Show and set how phone calls go, and the limits on them.",
    "alarm": "Show and set what happens when somebody else tries to sign in as a person.",
    "consent": "List and take back what people agreed to at applications.",
    "partner": "Bring in the applications that people sign in to.",
    "policy": "Show and set the rules that say what a sign-in needs.",
    "channel": "Set up the carriers that take text messages, calls and mail.",
    "limits": "Show and set how much is too much.",
    "network": "Ban networks, and let them in again.",
    "key": "List and rotate the signing keys, change the master key.",
    "db": "Bring the database up to date, copy it, restore it.",
    "audit": "Show who proved what to whom, and explain a sign-in.",
    "serve": "Run the identity provider.",
    "sip": "Make phone calls over the organisation's own telephone system.",
    "worker": "Run the background jobs without it, for farms.",
    "demo": "Run it with two demo applications, a phone and demo people.",
    "doctor": "Check this installation and say what to do.",
}
_USAGE = 2


class _Nouns(click.Group):
    """A group whose commands are modules of this package, each with a `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the nouns in the order of the help text."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one noun's module."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"idp.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the nouns without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; say a refusal on stderr instead of showing a traceback."""
        try:
            return super().invoke(ctx)
        except CountersignError as error:
            click.echo(error.public, err=True)
            # Wrong settings are wrong usage, and come from a module that is slow to load here.
            ctx.exit(getattr(error, "exit_code", 1))


@click.group(cls=_Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="countersign-idp", prog_name="idp")
def main() -> None:
    """Countersign: a self-hosted identity provider.

    The data folder is ./var unless IDP_DATA or idp.toml says otherwise.
    """
