"""Tables of people's phones, as spreadsheets and hostile hands write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from idp.app.desk import Desk
from idp.core.errors import Refused
from idp.core.model import Actor, Role
from idp.desk.prefill import Row
from tests.fuzz.edits import BYTES, Change, apply, edits

Sheet = list[list[str]]
_WHO = Actor(kind="cli", id="test", roles=(Role.OWNER.value,))
_GENUINE: Sequence[Sequence[str]] = (
    ("name", "mobile", "alternate", "office", "extension"),
    ("ada", "+1 425 555 0123", "", "+49 221 4710123", "42"),
    ("olga", "+44 7400 123456", "+49 221 4710124", "", ""),
)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}|")
_EXTENSION = re.compile(r"[0-9]{1,8}|")
# What a spreadsheet, or a person, writes where a number should stand.
_CELLS = (
    *("", " ", "=1+1", "@SUM(A1)", "'+14255550123", "4.42E+12", "+1 (425) 555-0123", "tel:+14255550123"),
    *("00494710123", "+٤٤ ٧٤٠٠ ١٢٣٤٥٦", "+1 425 555 0123 x9", "+1 425 555 0123,,9", "+14255550123;ext=9"),
    *("+1 900 555 0123", "112", "+", "+" + "9" * 40, "ADA", "nobody", '"', "a\nb", "name", "\ufeffada"),
)


def _cell(sheet: Sheet, place: int, text: str) -> Sheet:
    return _with(sheet, place, text)


def _odd(sheet: Sheet, place: int, text: str) -> Sheet:
    return _with(sheet, place, _CELLS[place // 64 % len(_CELLS)])


def _with(sheet: Sheet, place: int, text: str) -> Sheet:
    new = [list(row) for row in sheet]
    row = new[place % len(new)] if new else []
    if row:
        row[place // 8 % len(row)] = text
    return new


def _on_row(change: Callable[[list[str], str], list[list[str]]]) -> Change[Sheet]:
    def changed(sheet: Sheet, place: int, text: str) -> Sheet:
        at = place % len(sheet) if sheet else 0
        return [
            new for number, row in enumerate(sheet) for new in (change(row, text) if number == at else [row])
        ]

    return changed


def _column(sheet: Sheet, place: int, text: str) -> Sheet:
    return [[*row, text if number == 0 else str(place)] for number, row in enumerate(sheet)]


_SHEETS: Mapping[str, Change[Sheet]] = {
    "cell": _cell,
    "odd": _odd,
    "row-again": _on_row(lambda row, _text: [row, row]),
    "row-drop": _on_row(lambda _row, _text: []),
    "row-less": _on_row(lambda row, _text: [row[:-1]]),
    "row-more": _on_row(lambda row, text: [[*row, text]]),
    "row-turned": _on_row(lambda row, _text: [row[::-1]]),
    "row-blank": _on_row(lambda row, _text: [row, [""] * len(row), []]),
    "column": _column,
    "many": lambda sheet, place, _text: [*sheet, *sheet[1:] * (place % 30)],
}


def _recoded(name: str) -> Change[bytes]:
    return lambda data, _place, _text: data.decode("utf-8", "replace").encode(name, "replace")


_FILES: Mapping[str, Change[bytes]] = {
    **BYTES,
    **{name: _recoded(name) for name in ("utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1256", "utf-7")},
    "returns": lambda data, _place, _text: data.replace(b"\r\n", b"\r"),
    "quoted": lambda data, place, _text: data.replace(b",", b'"', 1 + place % 3),
    "long": lambda data, place, text: data + (text[:8].encode("utf-8", "replace") or b"a") * (place % 30_000),
}
drawn = st.tuples(
    st.sampled_from((",", ",", ";", "\t")), edits({"sheet": _SHEETS, "file": _FILES}, most=4, mostly="sheet")
)


def made(example: Any) -> bytes:
    """Return the file that was drawn."""
    delimiter, chosen = example
    sheet = apply(_SHEETS, [list(row) for row in _GENUINE], chosen, "sheet")
    return apply(_FILES, _written(sheet, delimiter), chosen, "file")


def _written(sheet: Sheet, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    # As it stands, where a writer would rather refuse.
    csv.writer(text, delimiter=delimiter).writerows(sheet)
    return text.getvalue().encode("utf-8", "replace")


def check(desk: Desk, data: bytes) -> None:
    """Fill a file in, and its genuine twin. Raises Refused for what is no such table, or not all right."""
    try:
        _fill(desk, data)
    finally:
        genuine, problems = desk.prefill.read(_written([list(row) for row in _GENUINE]), actor=_WHO)
        assert len(genuine) == 2, problems
        assert not problems, problems


def _fill(desk: Desk, data: bytes) -> None:
    rows, problems = desk.prefill.read(data, actor=_WHO)
    for problem in problems:
        assert problem.text, problem
        assert problem.line > 1, problem
    if problems:
        raise Refused("Nothing was filled in.")
    for row in rows:
        _check_row(row)
    for row in rows[:20]:
        desk.prefill.fill(row, dry=False, actor=_WHO)
    # Or everybody had more phones with each file.
    for row in rows[:20]:
        for method in desk.methods.listing(row.name, actor=_WHO):
            if method.factor in {"sms", "call"}:
                desk.methods.remove(row.name, method.id, actor=_WHO)


def _check_row(row: Row) -> None:
    """Check that nothing but numbers came through, whatever stood there."""
    assert row.name
    for number in (row.mobile, row.alternate, row.office):
        assert _E164.fullmatch(number), row
    assert _EXTENSION.fullmatch(row.extension), row
