"""Accept what is valid: 616 requests of seven makes, in four ways, understood as they were meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.saml.inbound import Arrival
from tests.saml.conftest import THREE_ACS
from tests.saml.corpus.makes import ACS, MAKES, Make, sent, variants
from tests.saml.house import House, build
from tests.saml.sp import Sp
from tests.saml.test_naming import SERVICES


@pytest.fixture(scope="module")
def sender(key: rsa.RSAPrivateKey) -> Sp:
    return Sp(key, acs=THREE_ACS, extra=SERVICES)


@pytest.fixture(scope="module")
def room(prepared: Path, tmp_path_factory: pytest.TempPathFactory, sender: Sp) -> Iterator[House]:
    """Give one room for all: every message has an ID of its own."""
    built = build(prepared, tmp_path_factory.mktemp("corpus") / "data")
    built.add(sender)
    yield built
    built.store.dispose()


def arrive(room: House, message: str | dict[str, str]) -> Arrival:
    return room.inbound.by_redirect(message) if isinstance(message, str) else room.inbound.by_post(message)


def test_there_are_enough_of_them() -> None:
    assert len({str(variant) for variant in variants()}) >= 300
    assert len(MAKES) >= 6


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.name)
def test_every_valid_request_is_understood(room: House, sender: Sp, make: Make) -> None:
    for variant in variants():
        if variant.make is not make:
            continue
        arrival = arrive(room, sent(variant, sender, room.clock.now()))
        assert arrival.denied is None, variant
        request = arrival.request
        assert request.echo["relay_state"] == "/deep link?a=1&b=ü", variant
        for name, value in ({"reply_to": ACS} | dict(variant.wish.means)).items():
            assert getattr(request, name) == value, (str(variant), name)
