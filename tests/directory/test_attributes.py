"""What is typed in about a person."""

from __future__ import annotations

import pytest

from idp.core.errors import Refused
from idp.directory.attributes import line, mail, mobile


def test_a_mobile_number_has_its_country_code_apart():
    assert mobile(" +1 (425) 555-0123 ") == "+1 4255550123"
    assert mobile("+1 4255550123") == "+1 4255550123"
    with pytest.raises(Refused):
        mobile("4255550123")


@pytest.mark.parametrize(
    "typed", ["ada@example.org", "a.b+c@x-y.example", "ada@localhost", " ada@example.org "]
)
def test_mail_addresses(typed):
    assert mail(typed) == typed.strip()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "a@b@c",
        "a b@example.org",
        "a@example..org",
        "a\0@x.org",
        "x" * 65 + "@x.org",
    ],
)
def test_other_mail_addresses_are_refused(typed):
    with pytest.raises(Refused):
        mail(typed)


def test_a_line_is_one_line():
    assert line("  Ada Lovelace ", what="A name") == "Ada Lovelace"
    for bad in ("", " ", "a\nb", "a\x1b[31m", "x" * 257, "a\u202eb"):
        with pytest.raises(Refused, match="A name"):
            line(bad, what="A name")
