"""What a person wishes to set up is set up behind another method that was shown just now, and else not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from idp.core.model import Strength
from idp.policy.decide import decide
from idp.policy.model import Ask, Facts, Issue, Register, Rule, Verdict
from tests.policy.cases import BOTH, HOUR, NEWCOMER, OLD, PASSWORD, PW, TOTP, facts, one, proof, rule

KEYS = Register(factors=("passkey",))
CODES = Register(factors=("recovery",))
SET_UP = ("passkey", "totp", "recovery")
LATE = (proof("password", 17 * 60 + 1), proof("totp", 17 * 60 + 1))
JUST = (proof("password", 17 * 60), proof("totp", 17 * 60))


def wish(*proofs: object, factor: str = "passkey", **more: object) -> Facts:
    asks = {"register": factor, **more.pop("asks", {})}  # type: ignore[dict-item]
    return facts(*proofs, asks=asks, **{"enrollable": SET_UP, **more})  # type: ignore[arg-type]


TABLE: Sequence[tuple[str, Sequence[Rule], Facts, Verdict]] = [
    ("behind both factors", [], wish(), KEYS),
    ("once", [], wish(confirmed=("registered",)), Issue()),
    ("shown a quarter of an hour before", [], wish(*JUST), KEYS),
    ("shown longer before", [], wish(*LATE), Issue()),
    ("shown yesterday", [], wish(*OLD), Issue()),
    ("in silence nothing is set up", [], wish(asks={"silent": True}), Issue()),
    ("not behind a password alone", one(), wish(*PW), Issue()),
    ("nor behind a password that is all a rule wants", one(), wish(*PW, offers=()), Issue()),
    ("what is asked for comes first", [], wish(*PW), Ask(offers=(TOTP,))),
    ("behind a passkey alone", [], wish(proof("passkey"), factor="totp"), Register(factors=("totp",))),
    ("behind a recovery code", [], wish(*PW, proof("recovery")), KEYS),
    ("behind a pass", [], wish(*PW, proof("pass")), KEYS),
    ("no codes for ever behind a pass", [], wish(*PW, proof("pass"), factor="recovery"), Issue()),
    ("new codes behind an app", [], wish(*BOTH, factor="recovery"), CODES),
    ("what can't be set up is not", [], wish(enrollable=("totp",)), Issue()),
    ("what a rule doesn't accept is not", [rule(methods=("totp",))], wish(), Issue()),
    ("what isn't a factor is not", [], wish(factor="retina", enrollable=("retina",)), Issue()),
    ("freshness of a rule holds", [rule(fresh_within=HOUR)], wish(*OLD), Ask(offers=(PASSWORD,))),
    (
        "a newcomer sets up a first one, wished for or not",
        [],
        wish(*PW, person=NEWCOMER, offers=(PASSWORD,), factor="recovery"),
        Register(factors=("passkey", "totp")),
    ),
    (
        "strength is asked for before",
        [],
        wish(asks={"strength": Strength.PHISHING_RESISTANT}, offers=(TOTP, PASSWORD)),
        decide([], facts(asks={"strength": Strength.PHISHING_RESISTANT}, offers=(TOTP, PASSWORD))).verdict,
    ),
]


@pytest.mark.parametrize(("rules", "given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
def test_row_61_a_wish(rules: Sequence[Rule], given: Facts, expected: Verdict) -> None:
    assert decide(rules, given).verdict == expected
