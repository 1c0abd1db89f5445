"""Fill in people's phones from a table: read the whole of it first, then register what is new."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Actor, Method, Person
from idp.core.ports import Clock, NewMethod
from idp.desk.methods import MethodDesk
from idp.desk.rights import need_owner
from idp.directory import phones
from idp.factors import call, sms
from idp.factors.call import Line
from idp.factors.call.factor import line_of

# What a table may have beside the user name: which phone it is, and what it is for.
COLUMNS = ("mobile", "alternate", "office", "extension")
NAME = "name"
_LARGEST = 20 * 1024 * 1024  # bytes
_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a cell; line as editors count it, column by its name."""

    line: int
    column: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person's phones, checked. mobile gets texts; the others are called."""

    line: int
    name: str
    mobile: str = field(default="", repr=False)
    alternate: str = field(default="", repr=False)
    office: str = field(default="", repr=False)
    extension: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What came of a row: labels of phones that were added, or would be, and of those that went."""

    name: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillDesk:
    """The desk's verbs for tables of phones."""

    clock: Clock
    methods: MethodDesk

    def read(self, data: bytes, *, actor: Actor) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
        """Return the rows of a CSV file and what is wrong with it; with problems nothing may be filled in.

        UTF-8, separated by commas or semicolons, the first line names the columns: name, and any of
        COLUMNS. Raises Refused when it is no such file.
        """
        need_owner(actor)
        rows, problems = [], list[Problem]()
        with self.methods.store.read() as connection:
            for line, cells in _cells(data):
                found = tuple(_problems(line, cells)) or self._unknown(connection, line, cells)
                problems.extend(found)
                if len(problems) > _MOST_PROBLEMS:
                    break
                if not found:
                    rows.append(_row(line, cells))
        return tuple(rows), tuple(problems[:_MOST_PROBLEMS])

    def fill(self, row: Row, *, dry: bool, actor: Actor) -> Filled:
        """Register the phones of a row that the person does not have. Raises Refused.

        An office's number takes the place of the former: people can't change it themselves.
        """
        need_owner(actor)
        with self.methods.store.write(alone=True) as unit:
            person = self.methods.people.find(unit.connection, row.name)
            if person is None:
                raise Refused("There is no person with that user name.")
            have = [(one, self._line(unit.connection, one)) for one in self._phones(unit.connection, person)]
            new = [
                made for made in self._wanted(row, person) if _line(made) not in {line for _, line in have}
            ]
            old = [one for one, line in have if _is_replaced(row, one, line)]
            if not dry:
                for method in old:
                    self.methods.dropped(unit, person, method, actor)
                for made in new:
                    self.methods.added(unit, person, made, actor)
        return Filled(
            name=person.name,
            added=tuple(made.label for made in new),
            removed=tuple(method.label for method in old),
        )

    def _unknown(self, connection: sa.Connection, line: int, cells: dict[str, str]) -> tuple[Problem, ...]:
        if self.methods.people.find(connection, cells[NAME]) is not None:
            return ()
        return (Problem(line=line, column=NAME, text="There is no person with that user name."),)

    def _phones(self, connection: sa.Connection, person: Person) -> Iterator[Method]:
        found = self.methods.methods.of(connection, person.id)
        return (one for one in found if one.factor in {sms.Sms.name, call.Call.name})

    def _line(self, connection: sa.Connection, method: Method) -> Line:
        line = line_of(method, self.methods.methods.secret(connection, method.id))
        return Line(number=line.number, extension=line.extension)

    def _wanted(self, row: Row, person: Person) -> Iterator[NewMethod]:
        at = self.clock.now()
        if row.mobile:
            yield sms.handed_out(person, phones.stored(row.mobile), at=at)
        for place, number in (("alternate", row.alternate), ("office", row.office)):
            if number:
                line = Line(number=number, extension=row.extension if place == "office" else "")
                yield call.handed_out(person, line, place=place, at=at)


def _line(made: NewMethod) -> Line:
    method_is_text = made.factor == sms.Sms.name
    return Line(number=made.secret.decode()) if method_is_text else call.read_line(made.secret)


def _is_replaced(row: Row, method: Method, line: Line) -> bool:
    wanted = Line(number=row.office, extension=row.extension)
    return bool(row.office) and method.data.get("place") == "office" and line != wanted


def _cells(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines that say something, by column, with their numbers. Raises Refused."""
    if len(data) > _LARGEST:
        raise Refused("The file is too large: 20 MB at most.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("The file is not UTF-8. Save it as “CSV UTF-8”.") from error
    if "\0" in text:
        raise Refused("The file is no text.")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        for values in reader:
            if any(value.strip() for value in values):
                padded = [*values, *[""] * (len(header) - len(values))]
                cells = {name: value.strip() for name, value in zip(header, padded, strict=False)}
                yield reader.line_num, cells | ({"": "more"} if len(values) > len(header) else {})
    except csv.Error as error:
        raise Refused(f"Line {reader.line_num} is no CSV: {error}.") from error


def _check_header(header: Sequence[str]) -> None:
    unknown = [name for name in header if name not in {NAME, *COLUMNS}]
    if NAME not in header or unknown or len(set(header)) < len(header):
        # Not what it says: without a first line it is somebody's name, or number.
        place = f" Column {header.index(unknown[0]) + 1} is none of them." if unknown else ""
        raise Refused(f"The first line names the columns: name, and any of {', '.join(COLUMNS)}.{place}")


_READ: dict[str, Callable[[str], object]] = {
    "mobile": phones.read,
    "alternate": phones.read_callable,
    "office": phones.read_callable,
    "extension": call.read_extension,
}


def _problems(line: int, cells: dict[str, str]) -> Iterator[Problem]:
    if "" in cells:
        yield Problem(line=line, column="", text="There are more cells than columns.")
    for column, read in _READ.items():
        try:
            if cells.get(column):
                read(cells[column])
        except Refused as refused:
            yield Problem(line=line, column=column, text=refused.public)
    if cells.get("extension") and not cells.get("office"):
        yield Problem(line=line, column="extension", text="An extension belongs to an office’s number.")


def _row(line: int, cells: dict[str, str]) -> Row:
    def number(column: str, read: Callable[[str], phones.Phone]) -> str:
        return read(cells[column]).number if cells.get(column) else ""

    return Row(
        line=line,
        name=cells[NAME],
        mobile=number("mobile", phones.read),
        alternate=number("alternate", phones.read_callable),
        office=number("office", phones.read_callable),
        extension=call.read_extension(cells.get("extension", "")),
    )
