"""Refuse what is malicious: well over a hundred messages, each beside a genuine twin that is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import BadMessage
from tests.saml.conftest import THREE_ACS
from tests.saml.corpus.attack import Attack
from tests.saml.corpus.attacks import attacks
from tests.saml.house import House, build
from tests.saml.sp import Sp

ALL = attacks()


@pytest.fixture(scope="module")
def sender(key: rsa.RSAPrivateKey) -> Sp:
    return Sp(key, acs=THREE_ACS, requests_signed=True)


@pytest.fixture(scope="module")
def stranger(other_key: rsa.RSAPrivateKey) -> Sp:
    return Sp(other_key, entity_id="https://other.example/metadata", requests_signed=True)


@pytest.fixture(scope="module")
def room(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory, sender: Sp, stranger: Sp
) -> Iterator[House]:
    built = build(prepared, tmp_path_factory.mktemp("attacks") / "data")
    for each in (sender, stranger):
        built.add(each)
    yield built
    built.store.dispose()


def arrive(room: House, message: str | dict[str, str]) -> str:
    """Return where an answer would go. Raises BadMessage."""
    if isinstance(message, str):
        return room.inbound.by_redirect(message).request.reply_to
    return room.inbound.by_post(message).request.reply_to


def test_there_are_more_than_a_hundred_and_each_is_another() -> None:
    assert len({str(attack) for attack in ALL}) == len(ALL) >= 100


@pytest.mark.parametrize("attack", ALL, ids=str)
def test_the_malicious_one_is_refused_and_its_genuine_twin_is_not(
    room: House, sender: Sp, stranger: Sp, attack: Attack
) -> None:
    now = room.clock.now()
    genuine = attack.twin.sent(sender, stranger, now)
    malicious = attack.sent(sender, stranger, now)
    assert type(genuine) is type(malicious)
    with pytest.raises(BadMessage):
        arrive(room, malicious)
    assert arrive(room, genuine) == "https://sp.example/acs"
    # And that it was refused does not depend on what came before.
    with pytest.raises(BadMessage):
        arrive(room, malicious)
