"""Hold what was measured, and show it as a table, as Markdown and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

HEADINGS = ("what", "median", "lowest", "highest", "per s and core", "goal")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: a value per round. costs: the values are CPU ms, so a rate follows."""

    name: str
    unit: str
    values: Sequence[float]
    goal: str = ""
    costs: bool = False

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.values)

    def cells(self) -> tuple[str, ...]:
        """Return the texts of one row."""
        rate = f"{1000 / self.median:,.0f}" if self.costs else ""
        shown = (self.median, min(self.values), max(self.values))
        return (
            self.name,
            f"{_number(shown[0])} {self.unit}".strip(),
            *map(_number, shown[1:]),
            rate,
            self.goal,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything of one run. load: the load averages before and after."""

    machine: Mapping[str, str]
    load: Sequence[str]
    rounds: int
    figures: list[Figure] = field(default_factory=list)

    def heading(self) -> str:
        """Return the line that says where and how."""
        facts = self.machine
        return (
            f"{facts['date']}: {facts['machine']}; Python {facts['python']}, OpenSSL {facts['openssl']}, "
            f"{facts['backend']}; {self.rounds} rounds; load average {self.load[0]} before, "
            f"{self.load[1]} after"
        )

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(*HEADINGS, title=self.heading(), title_justify="left")
        for column in table.columns[1:5]:
            column.justify = "right"
        for figure in self.figures:
            table.add_row(*figure.cells())
        console.print(table)

    def markdown(self) -> str:
        """Return the table for a document."""
        rows = [HEADINGS, ("---", *["---:"] * 4, "---"), *(figure.cells() for figure in self.figures)]
        return "\n".join([self.heading() + ".", "", *("| " + " | ".join(row) + " |" for row in rows)])

    def plain(self) -> dict[str, Any]:
        """Return everything, every round's value too, for JSON."""
        return {
            "machine": dict(self.machine),
            "load": list(self.load),
            "rounds": self.rounds,
            "figures": [
                {"name": f.name, "unit": f.unit, "median": f.median, "values": list(f.values), "goal": f.goal}
                for f in self.figures
            ],
        }


def _number(value: float) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"
