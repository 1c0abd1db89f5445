"""Signing keys: made, sealed, published before they sign, rotated."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, RSAKey

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.keys import KeyRing, KeyState, MasterKey, Sealer
from idp.store import open_store, schema

OWNER = Actor(kind="cli", id="test")
SEALER = Sealer(MasterKey(b"k" * 32))


@pytest.fixture
def ring(store, clock) -> KeyRing:
    ring = KeyRing(store, SEALER, clock)
    with store.write() as unit:
        ring.ensure(unit, actor=OWNER, key_set="default")
    return ring


def rotate(store, ring, key_set="default") -> None:
    with store.write() as unit:
        ring.rotate(unit, actor=OWNER, key_set=key_set)


def turns(ring, alg="RS256") -> list[tuple[str, str]]:
    return [(key.state.value, key.kid) for key in ring.published("default") if key.alg == alg]


def test_a_set_starts_with_a_key_that_signs_and_one_that_waits(ring):
    published = ring.published("default")
    assert [(key.alg, key.state) for key in published] == [
        ("RS256", "active"),
        ("ES256", "active"),
        ("RS256", "next"),
        ("ES256", "next"),
    ]
    assert len({key.kid for key in published}) == 4


def test_a_second_start_makes_no_more_keys(store, ring):
    before = ring.published("default")
    with store.write() as unit:
        ring.ensure(unit, actor=OWNER, key_set="default")
    assert [key.kid for key in ring.published("default")] == [key.kid for key in before]


def test_rs256_is_pkcs1_with_sha256_by_the_active_key(ring):
    signer = ring.signer("default", "RS256")
    active = next(key for key in ring.published("default") if key.alg == "RS256")
    assert (signer.kid, signer.certificate) == (active.kid, active.certificate)
    assert isinstance(active.key, rsa.RSAPublicKey)
    assert active.key.key_size == 2048
    active.key.verify(signer.sign("RS256", b"data"), b"data", padding.PKCS1v15(), SHA256())


def test_es256_is_r_and_s_of_64_bytes_always(ring):
    signer = ring.signer("default", "ES256")
    active = next(key for key in ring.published("default") if key.alg == "ES256")
    assert isinstance(active.key, ec.EllipticCurvePublicKey)
    assert active.key.curve.name == "secp256r1"
    for number in range(300):  # some have a leading zero byte
        data = str(number).encode()
        raw = signer.sign("ES256", data)
        assert len(raw) == 64
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        active.key.verify(der, data, ec.ECDSA(SHA256()))


@pytest.mark.parametrize(("alg", "other"), [("RS256", "ES256"), ("ES256", "RS256"), ("RS256", "none")])
def test_a_key_signs_its_own_algorithm_only(ring, alg, other):
    with pytest.raises(ValueError):
        ring.signer("default", alg).sign(other, b"data")


@pytest.mark.parametrize(("key_set", "alg"), [("default", "none"), ("default", "HS256"), ("other", "RS256")])
def test_there_is_no_signer_for_anything_else(ring, key_set, alg):
    with pytest.raises(Refused):
        ring.signer(key_set, alg)
    assert ring.published("other") == ()


def test_the_kid_is_the_rfc_7638_thumbprint(ring):
    for key in ring.published("default"):
        kind = RSAKey if key.alg == "RS256" else ECKey
        assert kind(key.key, key.key).thumbprint() == key.kid


def test_the_certificate_carries_the_key_for_ten_years(ring, clock):
    for key in ring.published("default"):
        certificate = x509.load_pem_x509_certificate(key.certificate.encode())
        assert certificate.public_key() == key.key
        certificate.verify_directly_issued_by(certificate)
        assert certificate.not_valid_before_utc < clock.now()
        assert 3650 <= (certificate.not_valid_after_utc - clock.now()).days <= 3651


def test_rotation_lets_the_key_sign_that_partners_already_know(store, ring, clock):
    [(_, first), (_, second)] = turns(ring)
    rotate(store, ring)
    clock.advance(days=1)
    third = turns(ring)[1][1]
    assert turns(ring) == [("active", second), ("next", third), ("retired", first)]
    assert third not in {first, second}
    assert ring.signer("default", "RS256").kid == second
    active = next(key for key in ring.published("default") if key.kid == second)
    active.key.verify(ring.signer("default", "RS256").sign("RS256", b"d"), b"d", padding.PKCS1v15(), SHA256())


def test_rotation_turns_every_algorithm(store, ring):
    before = turns(ring, "ES256")
    rotate(store, ring)
    after = turns(ring, "ES256")
    assert after[0] == ("active", before[1][1])
    assert after[2] == ("retired", before[0][1])


def test_a_retired_key_is_published_for_90_days(store, ring, clock):
    first = turns(ring)[0][1]
    rotate(store, ring)
    clock.advance(days=90, seconds=-1)
    assert ("retired", first) in turns(ring)
    clock.advance(seconds=1)
    assert first not in dict(turns(ring)).values()
    assert len(turns(ring)) == 2


def test_rotating_a_set_without_keys_makes_them_first(store, clock):
    ring = KeyRing(store, SEALER, clock)
    rotate(store, ring, "new")
    assert ring.signer("new", "ES256").kid
    assert [key.state for key in ring.published("new") if key.alg == "ES256"] == ["active", "next", "retired"]


def test_sets_are_apart(store, ring):
    before = turns(ring)
    rotate(store, ring, "other")
    assert turns(ring) == before
    assert not {key.kid for key in ring.published("other")} & {kid for _, kid in before}


@pytest.mark.parametrize("state", [KeyState.ACTIVE, KeyState.NEXT])
def test_a_second_key_in_the_same_turn_is_refused(store, ring, state):
    with pytest.raises(Refused), store.write() as unit:
        ring.make(unit, actor=OWNER, key_set="default", alg="ES256", state=state)


def test_the_database_itself_refuses_two_active_keys(store, ring):
    active = turns(ring)[0][1]
    copied = sa.select(schema.keys).where(schema.keys.c.kid == active)
    with store.read() as connection:
        row = connection.execute(copied).mappings().one()
    with pytest.raises(sa.exc.IntegrityError), store.write() as unit:
        unit.execute(sa.insert(schema.keys), {**row, "kid": "copy"})


def test_another_process_reads_the_same_keys(database, ring, clock):
    other = open_store(database)
    theirs = KeyRing(other, SEALER, clock)
    assert theirs.published("default") == ring.published("default")
    assert theirs.signer("default", "RS256").sign("RS256", b"d") == ring.signer("default", "RS256").sign(
        "RS256", b"d"
    )
    other.dispose()


def test_private_keys_are_sealed_and_open_in_their_own_row_only(store, ring):
    kid = turns(ring)[0][1]
    with store.read() as connection:
        rows = {row.kid: row for row in connection.execute(sa.select(schema.keys))}
    assert b"RSA" not in rows[kid].sealed
    assert SEALER.open(rows[kid].sealed, purpose="signing key", context=kid).startswith(b"\x30\x82")
    with store.write() as unit:
        swap = (
            sa.update(schema.keys)
            .where(schema.keys.c.kid == kid)
            .values(sealed=rows[turns(ring)[1][1]].sealed)
        )
        unit.execute(swap)
    with pytest.raises(Refused):
        KeyRing(store, SEALER, ring._clock).signer("default", "RS256")


def test_a_wrong_master_key_signs_nothing(store, ring, clock):
    with pytest.raises(Refused):
        KeyRing(store, Sealer(MasterKey(b"x" * 32)), clock).signer("default", "RS256")


def test_every_change_of_a_key_is_recorded_without_its_secret(store, ring):
    active, waiting = turns(ring)[0][1], turns(ring)[1][1]
    rotate(store, ring)
    with store.read() as connection:
        rows = connection.execute(sa.select(schema.changes)).all()
    assert {row.noun for row in rows} == {"key"}
    assert {row.actor for row in rows} == {"cli:test"}
    moves = [(row.key, row.before["state"], row.after["state"]) for row in rows if row.before]
    assert (active, "active", "retired") in moves
    assert (waiting, "next", "active") in moves
    assert len(rows) == 4 + 6
    allowed = {"key_set", "alg", "state"}
    assert all(set(row.after) == allowed for row in rows)


def test_a_rotation_that_rolls_back_leaves_everything(store, ring):
    before = ring.published("default")
    with pytest.raises(Refused):
        rotate_and_fail(store, ring)
    assert ring.published("default") == before


def rotate_and_fail(store, ring) -> None:
    with store.write() as unit:
        ring.rotate(unit, actor=OWNER, key_set="default")
        ring.make(unit, actor=OWNER, key_set="default", alg="RS256", state=KeyState.NEXT)
