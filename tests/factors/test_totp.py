"""Authenticator apps and tokens: each time step once, small drift, old short seeds, own QR code."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from idp.core.errors import Refused
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Proof, SignIn
from idp.core.ports import NewMethod
from idp.factors.codes import WRONG, Shape, hotp, target_of
from idp.factors.named import Named
from idp.factors.totp import LABEL, Totp, base32, otpauth_uri, read_seed

SEED = b"12345678901234567890"


@pytest.fixture
def totp(store, people, methods, sealer, clock) -> Totp:
    named = Named(store=store, people=people, methods=methods, factor="totp")
    return Totp(
        store=store, methods=methods, sealer=sealer, clock=clock, issuer_name="Example: Ltd", named=named
    )


@pytest.fixture
def register(store, methods, clock):
    """Give a person a token."""

    def registered(person, *, seed=SEED, shape=None, counter=-1) -> Method:
        proof = Proof(person=person.id, factor="totp", kinds=frozenset(), amr=(), at=clock.now())
        new = NewMethod(
            factor="totp",
            label=LABEL,
            secret=seed,
            counter=counter,
            data=(shape or Shape()).data(),
            proof=proof,
        )
        with store.write() as unit:
            return methods.add(unit, person.id, new, allowed=True)

    return registered


def asked(sign_in: SignIn, person, method: Method) -> SignIn:
    known = Proof(
        person=person.id, factor="password", kinds=frozenset({Kind.KNOW}), amr=("pwd",), at=sign_in.started_at
    )
    return replace(sign_in, proofs=(known,), asked=Asked(factor="totp", method=method.id))


def code(clock, *, seed=SEED, shape: Shape | None = None, steps: int = 0) -> str:
    shape = shape or Shape()
    step = int(clock.now().timestamp()) // shape.period + steps
    return hotp(seed, step, digits=shape.digits, algorithm=shape.algorithm)


# Asking ---------------------------------------------------------------------------------------
def test_only_the_persons_tokens_are_offered(totp, ada, register):
    mine = register(ada)
    other = replace(mine, factor="webauthn")
    assert totp.offer(ada, (other, mine)) == (Offer(factor="totp", method=mine.id, label=LABEL),)
    assert totp.offer(ada, ()) == ()


def test_starting_asks_for_that_token(totp, sign_in):
    assert totp.start(sign_in, Offer(factor="totp", method="m1")) == Asked(factor="totp", method="m1")


def test_a_right_code_proves_possession(totp, sign_in, ada, register, clock):
    method = register(ada)
    proof = totp.prove(asked(sign_in, ada, method), {"code": code(clock)})
    assert (proof.person, proof.factor, proof.method) == (ada.id, "totp", method.id)
    assert (proof.kinds, proof.amr, proof.at) == (frozenset({Kind.HAVE}), ("otp",), clock.now())


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_clock_may_be_one_step_off(totp, sign_in, ada, register, clock, steps, accepted):
    going = asked(sign_in, ada, register(ada))
    if accepted:
        totp.prove(going, {"code": code(clock, steps=steps)})
    else:
        with pytest.raises(Refused):
            totp.prove(going, {"code": code(clock, steps=steps)})


def test_row_55_a_step_counts_once_and_so_do_all_before_it(totp, sign_in, ada, register, clock):
    going = asked(sign_in, ada, register(ada))
    later, now = code(clock, steps=1), code(clock)
    totp.prove(going, {"code": now})
    refused = []
    for again in (now, code(clock, steps=-1), _full_width(now)):
        with pytest.raises(Refused) as caught:
            totp.prove(going, {"code": again})
        refused.append(caught.value.public)
    assert refused == [WRONG] * 3
    clock.advance(seconds=30)
    totp.prove(going, {"code": later})


def test_row_55_in_parallel_one_wins(totp, sign_in, ada, register, clock):
    going = asked(sign_in, ada, register(ada))
    start = threading.Barrier(8)

    def prove() -> str:
        start.wait()
        try:
            totp.prove(going, {"code": code(clock)})
        except Refused as refused:
            return refused.public
        return "proved"

    with ThreadPoolExecutor(8) as pool:
        said = [future.result() for future in [pool.submit(prove) for _ in range(8)]]
    assert sorted(said) == sorted([WRONG] * 7 + ["proved"])


def test_a_wrong_code_uses_nothing_up(totp, sign_in, ada, register, clock):
    going = asked(sign_in, ada, register(ada))
    right = code(clock)
    with pytest.raises(Refused) as caught:
        totp.prove(going, {"code": f"{(int(right) + 1) % 10**6:06}"})
    assert caught.value.public == WRONG
    totp.prove(going, {"code": right})


@pytest.mark.parametrize("missing", [{}, {"code": ""}, {"code": "abcdef"}, {"code": "1" * 5000}])
def test_what_is_no_code_is_refused(totp, sign_in, ada, register, missing):
    with pytest.raises(Refused):
        totp.prove(asked(sign_in, ada, register(ada)), missing)


def test_somebody_elses_token_is_refused(totp, sign_in, ada, grace, register, clock):
    with pytest.raises(Refused):
        totp.prove(asked(sign_in, ada, register(grace)), {"code": code(clock)})


def test_nothing_is_accepted_that_was_not_asked_for(totp, sign_in, ada, register, clock):
    going = replace(asked(sign_in, ada, register(ada)), asked=None)
    with pytest.raises(Refused):
        totp.prove(going, {"code": code(clock)})


def test_a_removed_token_is_refused(totp, sign_in, ada, register, clock, store, methods):
    method = register(ada)
    with store.write() as unit:
        methods.remove(unit, method.id)
    with pytest.raises(Refused):
        totp.prove(asked(sign_in, ada, method), {"code": code(clock)})


def test_two_tokens_of_a_person_share_their_tries(totp, sign_in, ada, register):
    one, other = register(ada), register(ada)
    targets = {totp.target(asked(sign_in, ada, method), {}) for method in (one, other)}
    assert targets == {target_of(ada.id)}


def test_an_imported_80_bit_seed_works(totp, sign_in, ada, register, clock):
    short = read_seed("JBSWY3DPEHPK3PXP")
    assert len(short) == 10
    with pytest.raises(ValueError, match="112 bits"):
        pyotp.TOTP("JBSWY3DPEHPK3PXP")
    totp.prove(asked(sign_in, ada, register(ada, seed=short)), {"code": code(clock, seed=short)})


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("digits", [6, 8])
@pytest.mark.parametrize("period", [30, 60])
def test_tokens_of_other_shapes(totp, sign_in, ada, register, clock, algorithm, digits, period):
    shape = Shape(algorithm=algorithm, digits=digits, period=period)
    oracle = pyotp.TOTP(
        base64.b32encode(SEED).decode(), digits=digits, digest=getattr(hashlib, algorithm), interval=period
    )
    going = asked(sign_in, ada, register(ada, shape=shape))
    totp.prove(going, {"code": oracle.at(clock.now())})


@pytest.mark.parametrize(
    ("seconds", "algorithm", "expected"),
    [
        (59, "sha1", "94287082"),
        (1111111109, "sha1", "07081804"),
        (20000000000, "sha1", "65353130"),
        (59, "sha256", "46119246"),
        (20000000000, "sha256", "77737706"),
        (59, "sha512", "90693936"),
        (20000000000, "sha512", "47863826"),
    ],
)
def test_rfc_6238_appendix_b(totp, sign_in, ada, register, clock, seconds, algorithm, expected):
    size = {"sha1": 20, "sha256": 32, "sha512": 64}[algorithm]
    seed = (b"1234567890" * 7)[:size]
    method = register(ada, seed=seed, shape=Shape(algorithm=algorithm, digits=8))
    clock.advance(seconds=(datetime.fromtimestamp(seconds, UTC) - clock.now()).total_seconds())
    assert totp.prove(asked(sign_in, ada, method), {"code": expected}).method == method.id


def test_method_data_without_a_shape_is_the_usual_shape():
    assert Shape.of({}) == Shape(algorithm="sha1", digits=6, period=30)
    assert Shape.of(Shape(digits=8).data()) == Shape(digits=8)


# Setting up -----------------------------------------------------------------------------------
def test_a_draft_holds_no_readable_seed_and_each_is_new(totp, ada, sign_in):
    one, other = totp.begin(sign_in, ada), totp.begin(sign_in, ada)
    assert one.factor == "totp"
    assert one != other
    key = totp.show(ada, one)["manual_key"].replace(" ", "")
    seed = base64.b32decode(key)
    assert len(seed) == 20
    assert seed not in base64.b64decode(one.draft["seed"])
    assert key not in str(one)


def test_what_is_shown_agrees_with_itself(totp, ada, sign_in):
    shown = totp.show(ada, totp.begin(sign_in, ada))
    assert set(shown) == {"qr_svg", "manual_key", "otpauth_uri"}
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown["manual_key"])
    oracle = pyotp.parse_uri(shown["otpauth_uri"])
    assert oracle.secret == shown["manual_key"].replace(" ", "")
    assert (oracle.name, oracle.issuer) == ("Ada", "Example Ltd")
    assert (oracle.digits, oracle.interval, oracle.digest) == (6, 30, hashlib.sha1)


def test_the_qr_code_is_inline_svg_that_a_strict_policy_lets_through(totp, ada, sign_in):
    svg = etree.fromstring(totp.show(ada, totp.begin(sign_in, ada))["qr_svg"])
    assert svg.tag.endswith("svg")
    assert svg.get("viewBox")
    for element in svg.iter():
        assert element.get("style") is None
        assert not element.tag.endswith(("style", "script", "image"))


def test_confirming_needs_one_right_code_and_uses_its_step_up(totp, ada, sign_in, store, methods, clock):
    draft = totp.begin(sign_in, ada)
    seed = base64.b32decode(totp.show(ada, draft)["manual_key"].replace(" ", ""))
    typed = _full_width(code(clock, seed=seed))
    new = totp.confirm(sign_in, ada, draft, {"code": typed})
    assert (new.factor, new.label, new.secret) == ("totp", LABEL, seed)
    assert new.counter == int(clock.now().timestamp()) // 30
    assert (new.proof.person, new.proof.kinds, new.proof.amr) == (ada.id, frozenset({Kind.HAVE}), ("otp",))
    with store.write() as unit:
        method = methods.add(unit, ada.id, new)
    going = asked(sign_in, ada, method)
    with pytest.raises(Refused):
        totp.prove(going, {"code": typed})
    clock.advance(seconds=30)
    totp.prove(going, {"code": code(clock, seed=seed)})


def test_a_wrong_code_does_not_confirm_and_the_draft_stays_good(totp, ada, sign_in, clock):
    draft = totp.begin(sign_in, ada)
    seed = base64.b32decode(totp.show(ada, draft)["manual_key"].replace(" ", ""))
    right = code(clock, seed=seed)
    for wrong in ({}, {"code": f"{(int(right) + 1) % 10**6:06}"}):
        with pytest.raises(Refused):
            totp.confirm(sign_in, ada, draft, wrong)
    assert totp.confirm(sign_in, ada, draft, {"code": right}).secret == seed


def test_row_61_a_draft_belongs_to_its_person(totp, ada, grace, sign_in):
    draft = totp.begin(sign_in, ada)
    with pytest.raises(Refused):
        totp.show(grace, draft)
    with pytest.raises(Refused):
        totp.confirm(sign_in, grace, draft, {"code": "000000"})


def test_a_damaged_draft_is_refused(totp, ada):
    with pytest.raises(Refused):
        totp.show(ada, Enrolment(factor="totp", draft={"seed": base64.b64encode(b"x" * 60).decode()}))


@given(issuer=st.text(min_size=1, max_size=30), account=st.text(min_size=1, max_size=30))
def test_any_names_make_a_readable_address(issuer, account):
    parts = urlsplit(otpauth_uri(SEED, Shape(), issuer=issuer, account=account))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    label = unquote(parts.path[1:])
    assert label == f"{issuer.replace(':', '')}:{account.replace(':', '')}"
    assert parse_qs(parts.query)["secret"] == [base32(SEED)]


# Imported seeds -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["JBSWY3DPEHPK3PXP", "jbswy3dpehpk3pxp", "JBSW Y3DP EHPK 3PXP", "jbsw-y3dp-ehpk-3pxp\n"]
)
def test_seeds_are_read_in_every_usual_spelling(text):
    assert read_seed(text) == base64.b32decode("JBSWY3DPEHPK3PXP")


@pytest.mark.parametrize(
    "text", ["", "JBSWY3DP", "JBSWY3DPEHPK3PX1", "JBSWY3DPEHPK3PXPA", "é" * 16, "A" * 210]
)
def test_other_seeds_are_refused(text):
    with pytest.raises(Refused):
        read_seed(text)


@given(st.binary(min_size=10, max_size=128))
def test_a_seed_survives_writing_and_reading(seed):
    assert read_seed(base32(seed)) == seed


@given(st.text(max_size=300))
def test_any_text_is_a_seed_or_refused(text):
    try:
        seed = read_seed(text)
    except Refused:
        return
    assert 10 <= len(seed) <= 128


def _full_width(digits: str) -> str:
    return "".join(chr(ord(digit) + 0xFEE0) for digit in digits)
