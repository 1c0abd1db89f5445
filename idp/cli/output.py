"""Show things: tables and fields for people, JSON for programs."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Not a terminal: nothing is cut or wrapped, so that other programs get whole lines.
_UNCUT = 10_000


def say(text: str) -> None:
    """Print one sentence."""
    click.echo(_harmless(text))


def warn(text: str) -> None:
    """Print one sentence where it does not disturb output that is read by a program."""
    click.echo(_harmless(text), err=True)


def as_json(data: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
    _console().print(shown)


def fields(values: Mapping[str, object]) -> None:
    """Print one thing, a line per field that has a value."""
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(style="bold")
    shown.add_column(overflow="fold")
    for name, value in values.items():
        if value not in ("", None, (), []):
            shown.add_row(name, _cell(value))
    _console().print(shown)


def moment(at: datetime | None) -> str:
    """Return a time as people read it, in UTC."""
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _console() -> Console:
    terminal = sys.stdout.isatty()
    return Console(file=sys.stdout, width=None if terminal else _UNCUT, highlight=False)


def _cell(value: object) -> Text:
    # Text, not markup: a name like "[red]" is only a name.
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, (tuple, list)):
        return Text(", ".join(_harmless(str(item)) for item in value))
    return Text(_harmless(str(value)))


def _harmless(text: str) -> str:
    """Return the text without what could steer the terminal: names come from outside."""
    return "".join(
        "\ufffd" if unicodedata.category(letter) in {"Cc", "Cs"} and letter != "\n" else letter
        for letter in text
    )
