"""The password factor: one answer for every failure, and the same work for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.core.model import Asked, Kind, Offer
from idp.directory.hashing import PasswordHasher
from idp.factors.password import WRONG, Password
from tests.factors.conftest import PASSWORD


@pytest.fixture
def factor(store, people, clock) -> Password:
    return Password(store=store, people=people, clock=clock)


def answer(username: str, password: str = PASSWORD) -> dict[str, str]:
    return {"username": username, "password": password}


def test_one_offer_for_everybody(factor, ada):
    assert factor.offer(ada, ()) == (Offer(factor="password", label="Password"),)


def test_starting_asks_for_the_password(factor, sign_in):
    assert factor.start(sign_in, Offer(factor="password")) == Asked(factor="password")


def test_name_and_password_prove_knowledge(factor, sign_in, ada, clock):
    proof = factor.prove(sign_in, answer("ADA"))
    assert (proof.person, proof.factor, proof.method) == (ada.id, "password", "")
    assert (proof.kinds, proof.amr, proof.at) == (frozenset({Kind.KNOW}), ("pwd",), clock.now())
    assert not proof.phishing_resistant


@pytest.mark.parametrize(
    "given_answer",
    [
        {},
        {"username": "ada"},
        {"password": PASSWORD},
        answer("", ""),
        answer("ada", "wrong"),
        answer("nobody"),
        answer("ada\0"),
        answer("x" * 100_000),
        answer("ada", "x" * 100_000),
    ],
)
def test_everything_wrong_is_refused_in_the_same_words(factor, sign_in, ada, given_answer):
    with pytest.raises(Refused) as caught:
        factor.prove(sign_in, given_answer)
    assert caught.value.public == WRONG


def test_a_disabled_person_is_refused_in_the_same_words(factor, sign_in, store, people, ada):
    with store.write() as unit:
        people.set_enabled(unit, ada.id, enabled=False)
    with pytest.raises(Refused) as caught:
        factor.prove(sign_in, answer("ada"))
    assert caught.value.public == WRONG


def test_a_sign_in_of_one_person_accepts_no_other(factor, sign_in, ada, grace):
    adas = replace(sign_in, proofs=(factor.prove(sign_in, answer("ada")),))
    assert factor.prove(adas, answer("ada")).person == ada.id
    with pytest.raises(Refused) as caught:
        factor.prove(adas, answer("grace"))
    assert caught.value.public == WRONG


def test_row_63_the_same_work_for_unknown_disabled_and_wrong(
    factor, sign_in, store, people, ada, grace, monkeypatch
):
    with store.write() as unit:
        people.set_enabled(unit, grace.id, enabled=False)
    work = []
    real = PasswordHasher._matches
    monkeypatch.setattr(
        PasswordHasher, "_matches", lambda self, *given: (work.append("hash"), real(self, *given))[1]
    )
    sa.event.listen(store.engine, "before_cursor_execute", lambda *_: work.append("read"))
    for wrong in (answer("nobody"), answer("grace"), answer("ada", "wrong"), answer("x" * 9999), {}):
        work.clear()
        with pytest.raises(Refused):
            factor.prove(sign_in, wrong)
        assert work == ["read", "read", "hash"]


def test_attempts_on_one_name_are_counted_together_and_say_nothing(factor, sign_in, ada):
    targets = {factor.target(sign_in, answer(name)) for name in ("ada", "ADA", " ａｄａ ")}
    assert len(targets) == 1
    (target,) = targets
    assert "ada" not in target
    assert target != factor.target(sign_in, answer("nobody"))
    assert len(factor.target(sign_in, answer("x" * 100_000))) == len(target)
    assert factor.target(sign_in, {}) == factor.target(sign_in, answer(""))


@given(username=st.text(st.characters(exclude_categories=()), max_size=300), password=st.text(max_size=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_no_typed_text_breaks_it(factor, sign_in, username, password):
    factor.target(sign_in, answer(username, password))
    with pytest.raises(Refused):
        factor.prove(sign_in, answer(username, password))
