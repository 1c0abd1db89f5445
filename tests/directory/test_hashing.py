"""Password hashing: argon2id, one at a time, bounded, safe across a fork."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest
from argon2.exceptions import VerifyMismatchError
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.core.errors import Busy, Refused
from idp.directory.hashing import LONGEST, Cost, PasswordHasher, _hash_of_nobody

CHEAP = Cost(memory=8, passes=1)


@pytest.fixture(scope="module")
def hasher() -> PasswordHasher:
    return PasswordHasher(CHEAP)


def test_the_usual_cost_is_argon2id_19_mib_two_passes_one_lane():
    hashed = PasswordHasher().hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_right_password_matches_and_others_do_not(hasher):
    hashed = hasher.hash("correct horse")
    assert hasher.verify(hashed, "correct horse")
    assert not hasher.verify(hashed, "Correct horse")
    assert not hasher.verify(hashed, "")


def test_two_hashes_of_one_password_differ(hasher):
    assert hasher.hash("same") != hasher.hash("same")


def test_nobody_has_no_password(hasher):
    assert not hasher.verify(None, "")
    assert not hasher.verify(None, "anything")


def test_nobodys_password_costs_what_everybodys_does():
    """An unknown name would tell itself by a quick answer if argon2 refused its hash, or found it cheap."""
    cost = Cost(memory=16, passes=3, lanes=2)
    hashed, nobody = PasswordHasher(cost).hash("a password"), _hash_of_nobody(cost)
    assert argon2.extract_parameters(nobody) == argon2.extract_parameters(hashed)
    assert [len(part) for part in nobody.split("$")] == [len(part) for part in hashed.split("$")]
    with pytest.raises(VerifyMismatchError):  # and not InvalidHashError: it did compute
        argon2.PasswordHasher().verify(nobody, "anything")


@pytest.mark.parametrize(
    "broken", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "{SSHA}abc"]
)
def test_a_damaged_hash_matches_nothing(hasher, broken):
    assert not hasher.verify(broken, "anything")


def test_composed_and_decomposed_letters_and_odd_spaces_are_one_password(hasher):
    hashed = hasher.hash("caf\u00e9 au lait")
    assert hasher.verify(hashed, "cafe\u0301\u00a0au\u2003lait")


def test_case_and_width_stay_significant(hasher):
    # NFC, not NFKC: a password is not a name (RFC 8265).
    assert not hasher.verify(hasher.hash("１２３"), "123")


@pytest.mark.parametrize("bad", ["", "x" * (LONGEST + 1), "é" * (LONGEST // 2 + 1)])
def test_a_new_password_has_bounds(hasher, bad):
    with pytest.raises(Refused):
        hasher.hash(bad)


def test_the_longest_password_works_and_one_byte_more_does_not(hasher):
    hashed = hasher.hash("x" * LONGEST)
    assert hasher.verify(hashed, "x" * LONGEST)
    assert not hasher.verify(hashed, "x" * (LONGEST + 1))


@given(st.text(st.characters(exclude_categories=())))
@settings(max_examples=200)
def test_no_typed_text_breaks_the_check(text):
    assert PASSWORDS.verify(HASHED, text) is (text == "correct horse")


PASSWORDS = PasswordHasher(CHEAP)
HASHED = PASSWORDS.hash("correct horse")


def test_a_hash_of_another_cost_is_outdated(hasher):
    assert not hasher.outdated(hasher.hash("x"))
    assert PasswordHasher(Cost(memory=16, passes=1)).outdated(hasher.hash("x"))


def test_hashes_run_one_at_a_time_in_one_thread(hasher):
    seen: list[str] = []
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        hasher._in_turn(lambda: seen.append(threading.current_thread().name))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert seen[0].startswith("password")


def test_a_full_queue_says_busy_at_once_and_recovers():
    hasher = PasswordHasher(CHEAP, waiting=1)
    entered, leave = threading.Event(), threading.Event()
    blocker = threading.Thread(target=lambda: hasher._in_turn(lambda: (entered.set(), leave.wait(10))))
    blocker.start()
    assert entered.wait(10)
    with pytest.raises(Busy) as caught:
        hasher.verify(HASHED, "correct horse")
    assert caught.value.status == 503
    leave.set()
    blocker.join()
    assert hasher.verify(HASHED, "correct horse")


def test_a_failing_piece_of_work_gives_its_place_back():
    hasher = PasswordHasher(CHEAP, waiting=1)
    with pytest.raises(ZeroDivisionError):
        hasher._in_turn(lambda: 1 // 0)
    assert hasher.verify(HASHED, "correct horse")


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_its_own_thread():
    PASSWORDS.verify(HASHED, "x")  # the parent's thread runs already
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_checks).get(timeout=30)


def _checks() -> bool:
    return PASSWORDS.verify(HASHED, "correct horse")


def test_a_password_of_accents_in_the_wrong_order_costs_no_time(hasher):
    """Normalising is quadratic in them: one form of 250,000 stopped the process for a minute."""
    hostile = "a" + "\u0300\u0316" * 30_000
    before = time.process_time()
    assert not hasher.verify(None, hostile)
    with pytest.raises(Refused):
        hasher.hash(hostile)
    assert time.process_time() - before < 0.5


def test_what_is_cut_is_too_long_even_when_it_composes_well(hasher):
    three_in_two_bytes = "u\u0308\u0304"
    with pytest.raises(Refused):
        hasher.hash(three_in_two_bytes * LONGEST)
    longest = hasher.hash("\u01d6" * (LONGEST // 2))
    assert hasher.verify(longest, three_in_two_bytes * (LONGEST // 2))
    assert not hasher.verify(longest, three_in_two_bytes * LONGEST)
