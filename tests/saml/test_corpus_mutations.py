"""Mutated signed messages: whatever the gate lets in, xmlsec1 and python-xmlsec verify too."""

from __future__ import annotations

import base64
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import BadMessage
from tests.saml.conftest import THREE_ACS
from tests.saml.corpus.makes import ACS, MAKES, WISHES, signed
from tests.saml.house import House, build
from tests.saml.sp import SAMLP, Sp, logout_request
from tests.signedxml.mutations import SAME, WILD, is_xml
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import Kind

_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
_ROUNDS = 3_000 if _LONG else 300
_REQUEST = Kind("AuthnRequest", "", f"{{{SAMLP}}}AuthnRequest")
_LOGOUT = Kind("LogoutRequest", "", f"{{{SAMLP}}}LogoutRequest")


@pytest.fixture(scope="module")
def sender(key: rsa.RSAPrivateKey) -> Sp:
    return Sp(key, acs=THREE_ACS, requests_signed=True)


@pytest.fixture(scope="module")
def room(prepared: Path, tmp_path_factory: pytest.TempPathFactory, sender: Sp) -> Iterator[House]:
    built = build(prepared, tmp_path_factory.mktemp("mutations") / "data")
    built.add(sender)
    yield built
    built.store.dispose()


def genuine(room: House, sender: Sp, chance: random.Random) -> tuple[bytes, Kind]:
    """Return a signed message of some make, with an ID of its own."""
    now = room.clock.now()
    if chance.random() < 0.25:
        name = "<saml:NameID>pairwise-1</saml:NameID>"
        return signed(logout_request(now, ID=f"_{chance.getrandbits(128):x}", name_id=name), sender), _LOGOUT
    return signed(chance.choice(MAKES).request(chance.choice(WISHES), now), sender), _REQUEST


def let_in(room: House, data: bytes, kind: Kind) -> bool:
    form = {"SAMLRequest": base64.b64encode(data).decode()}
    try:
        if kind is _LOGOUT:
            came = room.logout.kept(room.logout.by_post(form))
            assert came.asked is not None
            assert came.asked.finish["partner"] == "https-sp-example-metadata"
        else:
            assert room.inbound.by_post(form).request.reply_to in {ACS, "https://sp.example/second?tenant=1"}
    except BadMessage:
        return False
    return True


def test_nothing_that_is_let_in_is_refused_by_another_verifier(room: House, sender: Sp) -> None:
    chance = random.Random("mutations")
    seen: Counter[bool] = Counter()
    for _ in range(_ROUNDS):
        data, kind = genuine(room, sender, chance)
        changed = data
        for change in chance.choices(WILD + SAME, k=chance.randint(1, 3)):
            changed = change(changed, chance) if is_xml(changed) else changed
        accepted = let_in(room, changed, kind)
        seen[accepted] += 1
        if accepted:
            for name, oracle in ORACLES.items():
                # The program costs a process each time: less often in a short run.
                if _LONG or name == "python-xmlsec" or seen[True] % 5 == 0:
                    assert oracle(changed, kind, sender.pem), (name, changed)
    assert seen[True] > _ROUNDS / 20
    assert seen[False] > _ROUNDS / 4
