"""The SAML room and service providers' keys, ready for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.store import revisioned
from tests.saml.house import House, build, prepare
from tests.saml.sp import ARTIFACT, POST, Sp

THREE_ACS = (
    (0, "https://sp.example/acs", POST),
    (1, "https://sp.example/second?tenant=1", POST),
    (2, "https://sp.example/artifact", ARTIFACT),
)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database that has schema, issuer and keys (which take long to make)."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.fixture
def house(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return the room, with caches that never wait."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    built = build(prepared, tmp_path / "data")
    yield built
    built.store.dispose()


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    """Return a service provider's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def other_key() -> rsa.RSAPrivateKey:
    """Return an attacker's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    """Return a service provider's elliptic key."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def sp(key: rsa.RSAPrivateKey) -> Sp:
    """Return a service provider with two endpoints we can use and one we can't."""
    return Sp(key, acs=THREE_ACS)


@pytest.fixture
def open_house(house: House, sp: Sp) -> House:
    """Return the room with a partner whose requests need no signature."""
    house.add(sp)
    return house


@pytest.fixture
def strict_house(house: House, key: rsa.RSAPrivateKey) -> House:
    """Return the room with a partner that says it signs its requests."""
    house.add(Sp(key, requests_signed=True))
    return house
