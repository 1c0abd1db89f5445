"""What the rules demand of a person everywhere, and which of them say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp.core.model import Person, Strength
from idp.policy.demands import demanded
from idp.policy.model import Conditions, Controls, Rule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ADA = Person(id="i", source="local", source_key="i", name="ada", display_name="Ada", groups=("staff",))


def rule(strength: Strength | None, *, enabled: bool = True, **conditions: object) -> Rule:
    return Rule(
        id=str(len(conditions)) + str(strength) + str(conditions),
        name="r",
        conditions=Conditions(**conditions),  # type: ignore[arg-type]
        controls=Controls(strength=strength, fresh_within=None if strength else 60),
        enabled=enabled,
    )


@pytest.mark.parametrize(
    ("rules", "strength", "sources"),
    [
        ([], Strength.TWO, 0),
        ([rule(Strength.ONE)], Strength.ONE, 1),
        ([rule(Strength.ONE, groups=("STAFF",))], Strength.ONE, 1),
        ([rule(Strength.ONE, groups=("board",))], Strength.TWO, 0),
        ([rule(Strength.ONE, partners=("wiki",))], Strength.TWO, 0),
        ([rule(Strength.ONE, networks=("10.0.0.0/8",))], Strength.TWO, 0),
        ([rule(Strength.ONE, older_than=60)], Strength.TWO, 0),
        ([rule(Strength.ONE, enabled=False)], Strength.TWO, 0),
        (
            [rule(Strength.ONE), rule(Strength.PHISHING_RESISTANT, people=("ada",))],
            Strength.PHISHING_RESISTANT,
            2,
        ),
        ([rule(Strength.ONE, except_people=("ada",)), rule(None)], Strength.TWO, 0),
    ],
)
def test_what_is_demanded_and_by_what(rules: list[Rule], strength: Strength, sources: int) -> None:
    found, named = demanded(rules, ADA, now=NOW)
    assert (found, len(named)) == (strength, sources)
