"""What our gate accepts, xmlsec1 and python-xmlsec accept too, however the message was changed.

The changes are of two sorts: those that keep the meaning (another way to write the same XML),
which must be accepted by all, and wild ones, which mostly nobody accepts.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable

import pytest
from lxml import etree

from idp.core.errors import BadMessage
from tests.signedxml.keys import certificate, ec_key, rsa_key
from tests.signedxml.mutations import SAME, WILD, is_xml
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import KINDS, Kind, canonical, gate, genuine
from tests.signedxml.wrapping import EIGHT

_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
_ROUNDS = 1_000 if _LONG else 60
_KEYS = {"RS256": rsa_key, "ES256": ec_key}


def _check_with_oracles(data: bytes, kind: Kind, alg: str, *, asked: int) -> None:
    """Ask python-xmlsec always, and the program, a process each time, less often in a short run."""
    for name, oracle in ORACLES.items():
        if _LONG or name == "python-xmlsec" or asked % 5 == 0:
            assert oracle(data, kind, certificate(_KEYS[alg]())), (name, data)


def _accepted(data: bytes, kind: Kind, alg: str) -> etree._Element | None:
    try:
        return gate(data, kind, key=_KEYS[alg]())
    except BadMessage:
        return None


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_same_xml_in_other_words_is_accepted_by_all(kind: Kind, alg: str) -> None:
    chance, data = random.Random(f"{kind.name} {alg}"), genuine(kind, alg)
    true = canonical(_accepted(data, kind, alg))
    for asked, change in enumerate(SAME):
        written = change(data, chance)
        for _ in range(3):
            written = chance.choice(SAME)(written, chance)
        # A prefix declared twice on one element, or cut in two, is no XML.
        if is_xml(written):
            verified = _accepted(written, kind, alg)
            assert verified is not None, written
            assert canonical(verified) == true
            _check_with_oracles(written, kind, alg, asked=asked)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_we_accept_is_refused_by_another(kind: Kind, alg: str) -> None:
    chance, data = random.Random(f"wild {kind.name} {alg}"), genuine(kind, alg)
    true = canonical(_accepted(data, kind, alg))
    seen: Counter[bool] = Counter()
    for _ in range(_ROUNDS):
        changed = data
        for change in chance.choices(WILD + SAME, k=chance.randint(1, 2)):
            changed = change(changed, chance) if is_xml(changed) else changed
        verified = _accepted(changed, kind, alg)
        seen[verified is not None] += 1
        if verified is not None:
            assert canonical(verified) == true, changed
            _check_with_oracles(changed, kind, alg, asked=seen[True])
    assert seen[True]
    assert seen[False]


@pytest.mark.parametrize("wrap", EIGHT.values(), ids=EIGHT)
def test_verdicts_on_wrapped_messages(wrap: Callable[[bytes, Kind], bytes]) -> None:
    """Whatever the others say of a wrapped message (they may be fooled), we refuse it."""
    for kind in KINDS.values():
        assert _accepted(wrap(genuine(kind), kind), kind, "RS256") is None
