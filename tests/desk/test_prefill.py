"""Phones filled in from a table: all of it right or none of it, by line and column; and what stays."""

from __future__ import annotations

import pytest

from idp.core.errors import Refused
from idp.directory.people import NewPerson
from tests.desk.conftest import OWNER

GOOD = """name,mobile,alternate,office,extension
ada,+1 425 555 0123,,+49 221 4710123,42
bob,+44 7400 123456,+49 221 4710124,,
"""


@pytest.fixture(autouse=True)
def people(desk) -> None:
    for name in ("ada", "bob"):
        desk.people.add(NewPerson(name=name), password="correct horse", actor=OWNER)


def fill(desk, text: str, *, dry: bool = False):
    rows, problems = desk.prefill.read(text.encode(), actor=OWNER)
    assert problems == ()
    return [desk.prefill.fill(row, dry=dry, actor=OWNER) for row in rows]


def phones(desk, name: str) -> list[tuple[str, str, str]]:
    listed = desk.methods.listing(name, actor=OWNER)
    # The greatest first: made in one moment they have no order of their own.
    return sorted(((one.factor, one.label, one.data.get("place", "")) for one in listed), reverse=True)


def test_a_table_is_filled_in_once(desk) -> None:
    assert [len(one.added) for one in fill(desk, GOOD, dry=True)] == [2, 2]
    assert phones(desk, "ada") == []
    fill(desk, GOOD)
    assert phones(desk, "ada") == [
        ("sms", "+1 •••-•••-••23", ""),
        ("call", "+49 ••• •••••23 (42)", "office"),
    ]
    assert [one[0] for one in phones(desk, "bob")] == ["sms", "call"]
    assert [len(one.added) for one in fill(desk, GOOD)] == [0, 0]
    assert "".join(desk.log).count("method-added") == 4


def test_an_offices_number_takes_the_place_of_the_former_and_nothing_else_goes(desk) -> None:
    fill(desk, GOOD)
    (one,) = fill(desk, "name;office;extension\nADA;+49 221 4710199;7\n")
    assert one.removed == ("+49 ••• •••••23 (42)",)
    assert phones(desk, "ada")[0][0] == "sms"
    assert phones(desk, "ada")[1][1].endswith("99 (7)")


def test_what_spreadsheets_write_is_read(desk) -> None:
    text = "\ufeffName;Mobile\r\n\r\n ada ;+1 425 555 0123\r\n;\r\n"
    (one,) = fill(desk, text)
    assert one.name == "ada"
    assert len(one.added) == 1


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("eve,+1 425 555 0123,,,", "name", "no person"),
        ("ada,12,,,", "mobile", "not a phone number"),
        ("ada,+49 221 4710123,,,", "mobile", "can’t get text messages"),
        ("ada,,+1 900 555 0123,,", "alternate", "can’t be called"),
        ("ada,,,+49 221 4710123,x", "extension", "1 to 8 digits"),
        ("ada,,,,42", "extension", "belongs to"),
        ("ada,,,,,more", "", "more cells"),
        (",+1 425 555 0123,,,", "name", "no person"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column(desk, line: str, column: str, said: str) -> None:
    rows, problems = desk.prefill.read(f"{GOOD}{line}\n".encode(), actor=OWNER)
    assert [(one.line, one.column) for one in problems] == [(4, column)]
    assert said in problems[0].text
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "names the columns"),
        (b"mobile\n+1\n", "names the columns"),
        (b"name,fax\nada,1\n", "Column 2 is none"),
        (b"name\nada\0\n", "no text"),
        (b"name,mobile,mobile\n", "names the columns"),
        (b"name\n\xff\xfe\n", "UTF-8"),
        (b'name,mobile\n"ada,1\n', "no CSV"),
        (b"name\n" + b"a" * (21 * 1024 * 1024), "too large"),
        (b"name\n" + b"a" * 200_000, "no CSV"),
    ],
)
def test_what_is_no_such_table(desk, data: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        desk.prefill.read(data, actor=OWNER)


def test_endless_problems_end(desk) -> None:
    _, problems = desk.prefill.read(b"name\n" + b"nobody\n" * 5000, actor=OWNER)
    assert len(problems) == 100
