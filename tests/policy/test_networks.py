"""Row 48: no spelling of an address gets into a network, and garbage is outside of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.decide import decide
from idp.policy.model import Deny, Issue
from idp.policy.networks import within
from tests.policy.cases import PW, deny, facts, one

BLOCKS = ("10.0.0.0/8", "2001:db8::/32", "not a network", "")
READABLE = ["10.1.2.3", "::ffff:10.1.2.3", "::FFFF:0a01:0203", "2001:db8::1", "2001:DB8:0::1"]
GARBAGE = [
    "",
    "a",
    "10.1.2.3 ",
    "10.1.2.3\n",
    "10.1.2.3:443",
    "10.1.2.3, 203.0.113.9",
    "10.1.2.3/8",
    "10.1.2",
    "010.1.2.3",
    "0x0a.1.2.3",
    "167838211",
    "１０.1.2.3",
    "[2001:db8::1]",
    "2001:db8::1%eth0",
    "::ffff:10.1.2.3%1",
    "localhost",
    "unknown",
    "\x00",
]
OTHERS = ["11.0.0.1", "127.0.0.1", "2001:db9::1", "::10.1.2.3", "2002:0a01:0203::"]


@pytest.mark.parametrize("address", READABLE)
def test_addresses_in_the_network(address: str) -> None:
    assert within(address, BLOCKS)


@pytest.mark.parametrize("address", [*GARBAGE, *OTHERS])
def test_addresses_that_are_not_in_the_network(address: str) -> None:
    assert not within(address, BLOCKS)


@pytest.mark.parametrize("address", GARBAGE)
def test_garbage_matches_no_network_and_is_outside_of_every_one(address: str) -> None:
    everywhere = ("0.0.0.0/0", "::/0")
    assert decide(one(networks=everywhere), facts(*PW, address=address)).verdict != Issue()
    denied = decide(deny(networks=everywhere, outside=True), facts(address=address)).verdict
    assert isinstance(denied, Deny)


@given(st.text())
def test_no_text_at_all_raises_or_gets_in(address: str) -> None:
    assert not within(address, ("10.99.98.97/32", "not a network"))


@given(st.ip_addresses())
def test_everything_readable_is_somewhere(address: object) -> None:
    assert within(str(address), ("0.0.0.0/0", "::/0"))
