"""Rules: strictly read, stored as one change, and seen by every worker."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.model import Actor, Strength
from idp.policy import rules as policy_rules
from idp.policy.model import Conditions, Controls, Rule
from idp.policy.rules import LONGEST_AGE, MOST_RULES, Rules
from idp.store import Store, revision
from idp.store.schema import changes
from tests.clock import TestClock
from tests.policy.cases import WORTH

ADMIN = Actor(kind="cli", id="root")
OFFICE = Rule(
    id="office",
    name="One factor in the office",
    conditions=Conditions(
        people=("alice",),
        groups=("staff",),
        partners=("https://app.example.com/sp",),
        networks=("10.0.0.0/8", "2001:db8::/32"),
        outside=True,
        older_than=0,
        except_people=("bob",),
        except_groups=("finance",),
    ),
    controls=Controls(strength=Strength.ONE, methods=("totp",), fresh_within=3600),
    enabled=False,
)
EVERYONE = Rule(id="everyone", name="everyone", controls=Controls(fresh_within=60))
read = partial(policy_rules.read, factors=WORTH)


def put(store: Store, clock: TestClock, *rules: Rule) -> None:
    with store.write() as unit:
        Rules(store).replace_all(unit, rules, actor=ADMIN, at=clock.now())


def test_no_rules_at_first(store: Store) -> None:
    assert Rules(store).all() == ()


def test_rules_come_back_as_they_were_put_and_in_their_order(store: Store, clock: TestClock) -> None:
    put(store, clock, OFFICE, EVERYONE)
    assert Rules(store).all() == (OFFICE, EVERYONE)
    put(store, clock, EVERYONE, OFFICE)
    assert Rules(store).all() == (EVERYONE, OFFICE)
    put(store, clock)
    assert Rules(store).all() == ()


def test_replacing_is_one_change_with_both_sides(store: Store, clock: TestClock) -> None:
    put(store, clock, OFFICE)
    put(store, clock, EVERYONE)
    with store.read() as connection:
        row = connection.execute(sa.select(changes).order_by(changes.c.revision.desc())).mappings().first()
        assert row is not None
        assert (row["noun"], row["key"], row["actor"], row["at"]) == ("rules", "all", "cli:root", clock.now())
        assert read(row["before"]["rules"]) == (OFFICE,)
        assert read(row["after"]["rules"]) == (EVERYONE,)


def test_the_same_rules_are_no_change(store: Store, clock: TestClock) -> None:
    put(store, clock, OFFICE)
    with store.read() as connection:
        before = revision(connection)
    put(store, clock, OFFICE)
    with store.read() as connection:
        assert revision(connection) == before


def test_a_failed_unit_leaves_the_rules_alone(store: Store, clock: TestClock) -> None:
    put(store, clock, OFFICE)
    with pytest.raises(IntegrityError):
        put(store, clock, EVERYONE, EVERYONE)
    assert Rules(store).all() == (OFFICE,)


def test_a_reader_that_runs_already_sees_the_new_rules(
    store: Store, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.store.revisioned.CHECK_EVERY", 0)
    rules = Rules(store)
    assert rules.all() == ()
    put(store, clock, OFFICE)
    assert rules.all() == (OFFICE,)


# Reading ----------------------------------------------------------------------------------------
def test_what_is_shown_can_be_set_again() -> None:
    shown = json.loads(json.dumps([plain(OFFICE), plain(EVERYONE)]))
    assert read(shown) == (OFFICE, EVERYONE)


def test_the_least_a_rule_needs() -> None:
    assert read([{"id": "a", "controls": {"deny": True}}]) == (
        Rule(id="a", name="a", controls=Controls(deny=True)),
    )
    assert read([]) == ()


def test_networks_are_kept_in_one_spelling() -> None:
    networks = ["10.0.0.0/255.0.0.0", "192.0.2.1", "2001:DB8:0::/32"]
    (rule,) = read([{"id": "a", "conditions": {"networks": networks}, "controls": {"deny": True}}])
    assert rule.conditions.networks == ("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32")


def with_conditions(**conditions: Any) -> list[Any]:
    return [{"id": "a", "controls": {"deny": True}, "conditions": conditions}]


def with_controls(**controls: Any) -> list[Any]:
    return [{"id": "a", "controls": controls}]


def with_fields(**fields: Any) -> list[Any]:
    return [{"id": "a", "controls": {"deny": True}, **fields}]


ANY = {"id": "a", "controls": {"deny": True}}
WRONG = [
    (None, "The policy: must be a list"),
    ({"rules": []}, "The policy: must be a list"),
    ("[]", "The policy: must be a list"),
    ([ANY] * (MOST_RULES + 1), "The policy: has more than"),
    ([None], "Rule 1: must be an object"),
    ([ANY, []], "Rule 2: must be an object"),
    ([ANY, ANY], "Rule 2 has the same id"),
    ([ANY, {**ANY, "id": "A"}], "Rule 2 has the same id"),
    (with_fields(condition={}), "Rule 1: has an unknown key; known are id, name, conditions"),
    ([{"controls": {"deny": True}}], "Rule 1, id: must be a text"),
    (with_fields(id=7), "Rule 1, id: must be a text"),
    (with_fields(id="a b"), "Rule 1, id: use up to 64 letters"),
    (with_fields(id="a\n"), "Rule 1, id: must be at most"),
    (with_fields(id="a" * 65), "Rule 1, id: use up to 64 letters"),
    (with_fields(name=" "), "Rule 1, name: must be a text"),
    (with_fields(name="a\x1b[2J"), "Rule 1, name: must be at most"),
    (with_fields(name="\ud800"), "Rule 1, name: must be at most"),
    (with_fields(name=None), "Rule 1, name: must be a text"),
    (with_fields(enabled="false"), "Rule 1, enabled: must be true or false"),
    (with_fields(enabled=0), "Rule 1, enabled: must be true or false"),
    (with_fields(conditions=[]), "Rule 1, conditions: must be an object"),
    (with_fields(conditions=None), "Rule 1, conditions: must be an object"),
    (with_conditions(group=["x"]), "Rule 1, conditions: has an unknown key"),
    (with_conditions(groups="x"), "Rule 1, conditions, groups: must be a list"),
    (with_conditions(groups=["x", ""]), "Rule 1, conditions, groups, entry 2: must be a text"),
    (with_conditions(groups=["x", "\u3000"]), "Rule 1, conditions, groups, entry 2: must be a text"),
    (with_conditions(people=[None]), "Rule 1, conditions, people, entry 1: must be a text"),
    (with_conditions(people=["x" * 2000]), "Rule 1, conditions, people, entry 1: must be at most"),
    (with_conditions(networks=["10.0.0.0/8", "x"]), "Rule 1, conditions, networks, entry 2: use a network"),
    (with_conditions(networks=["10.0.0.0/33"]), "networks, entry 1: use a network"),
    (with_conditions(networks=["10.1.2.3/8"]), "networks, entry 1: use a network"),
    (with_conditions(networks=["10.0.0.0/8 "]), "networks, entry 1: use a network"),
    (with_conditions(networks=[10]), "networks, entry 1: must be a text"),
    (with_conditions(networks=["fe80::1%eth0"]), "networks, entry 1: a network has no zone"),
    (with_conditions(networks=["::ffff:10.0.0.0/104"]), "networks, entry 1: write an IPv4 network as IPv4"),
    (with_conditions(outside=True), "Rule 1, conditions: outside needs networks"),
    (with_conditions(outside=True, networks=[]), "Rule 1, conditions: outside needs networks"),
    (with_conditions(outside="yes"), "Rule 1, conditions, outside: must be true or false"),
    (with_conditions(older_than=-1), "Rule 1, conditions, older_than: must be a whole number of seconds"),
    (with_conditions(older_than=1.5), "older_than: must be a whole number"),
    (with_conditions(older_than=True), "older_than: must be a whole number"),
    (with_conditions(older_than="60"), "older_than: must be a whole number"),
    (with_conditions(older_than=LONGEST_AGE + 1), "older_than: must be a whole number"),
    (with_conditions(older_than=60), "Rule 1: deny can't depend on older_than"),
    (with_fields(controls={}), "Rule 1, controls: the rule demands nothing"),
    ([{"id": "a"}], "Rule 1, controls: the rule demands nothing"),
    (with_controls(deny=False, methods=[]), "Rule 1, controls: the rule demands nothing"),
    (with_controls(denied=True), "Rule 1, controls: has an unknown key"),
    (with_controls(deny=1), "Rule 1, controls, deny: must be true or false"),
    (with_controls(strength="three"), "Rule 1, controls, strength: use one of one, two, phishing-resistant"),
    (with_controls(strength=2), "Rule 1, controls, strength: use one of"),
    (with_controls(strength=["two"]), "Rule 1, controls, strength: use one of"),
    (
        with_controls(methods=["totp", "retina"]),
        "Rule 1, controls, methods, entry 2: use one of pass, passkey",
    ),
    (with_controls(methods=["password"]), "Rule 1, controls, methods: the password is always accepted"),
    (with_controls(methods="totp"), "Rule 1, controls, methods: must be a list"),
    (with_controls(fresh_within=-60), "Rule 1, controls, fresh_within: must be a whole number"),
]


@pytest.mark.parametrize(("data", "text"), WRONG, ids=[text for _, text in WRONG])
def test_what_is_not_understood_is_refused_and_the_place_named(data: object, text: str) -> None:
    with pytest.raises(Refused) as refused:
        read(data)
    assert text in refused.value.public


def test_the_public_text_never_quotes_the_input() -> None:
    for data in (with_fields(evil=1), with_controls(strength="evil"), with_conditions(networks=["evil"])):
        with pytest.raises(Refused) as refused:
            read(data)
        assert "evil" not in refused.value.public


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "conditions", "controls", "enabled", "deny", "strength", "networks", "methods"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
)


@given(JSON | st.lists(st.fixed_dictionaries({"id": st.just("a"), "controls": JSON}), max_size=2))
def test_any_json_is_read_or_refused(data: object) -> None:
    try:
        rules = read(data)
    except Refused as refused:
        assert refused.public  # noqa: PT017 - either outcome is right, no other error is
    else:
        assert read([plain(rule) for rule in rules]) == rules
