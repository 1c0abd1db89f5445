"""Parameters are read in one way only, or not at all."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import BadMessage
from idp.oidc.parameters import LONGEST, read
from tests.oidc.house import BASE, CALLBACK, House, asking

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(st.dictionaries(_TEXT, _TEXT, max_size=10))
def test_values_arrive_exactly_as_sent(sent: dict[str, str]) -> None:
    parameters = read(urlencode(sent).encode())
    assert parameters.values == sent
    assert not parameters.repeated


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parameters = read(data)
    except BadMessage:
        return
    assert all(value and "\0" not in value for value in parameters.values.values())


def test_repeated_names_are_noticed_even_without_a_value() -> None:
    assert read(b"a=1&b=2&a=3").repeated == {"a"}
    assert read(b"secret=&secret=x").repeated == {"secret"}


def test_a_parameter_without_a_value_was_not_sent() -> None:
    parameters = read(b"state=&nonce&scope=openid")
    assert dict(parameters.values) == {"scope": "openid"}
    assert parameters.get("state") == ""


@pytest.mark.parametrize(
    "data",
    [
        b"a=%ff",
        b"a=\xff",
        b"a=b%00c",
        b"&".join(b"a%d=1" % n for n in range(101)),
        b"a=" + b"x" * LONGEST,
    ],
)
def test_what_cannot_be_read_for_sure_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read(data)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@pytest.mark.parametrize("other", ["lax", "https://lax.example/cb", "https://evil.example/", ""])
def test_check_15_with_two_clients_or_addresses_nobody_is_answered(
    house: House, name: str, other: str
) -> None:
    house.add_client("lax", redirect_uris=["https://lax.example/cb", CALLBACK])
    fine = [*asking().items()]
    for sent in ([*fine, (name, other)], [(name, other), *fine]):
        response = house.browser().get("/oidc/authorize?" + urlencode(sent), base_url=BASE)
        assert response.status_code == 400
        assert "Location" not in response.headers
