"""What holds for every set of rules and facts, searched by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from idp.core.model import AccessPolicy, Kind, Offer, Partner, Person, Proof, SignInRequest, Strength
from idp.policy.decide import decide
from idp.policy.model import (
    Ask,
    Campaign,
    Conditions,
    Confirm,
    Controls,
    Decision,
    Facts,
    Issue,
    Register,
    Rule,
)
from tests.policy.cases import ALICE, APP, CLOSED, DISABLED, GUARDED, HOUR, NEWCOMER, NOW, WORTH

ADDRESSES = ["203.0.113.7", "10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3", "", "a", "10.1.2.3%0"]
FACTORS = [*WORTH, "retina", ""]
SECONDS = st.sampled_from([0, 60, HOUR, 10**30, -(10**30)])


def some(*values: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Give up to two of the values; mostly none, so that rules match often."""
    return st.just(()) | st.lists(st.sampled_from(values), max_size=2).map(tuple)


def build(cls: type, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **fields)


AGES = st.sampled_from([0, 30, 60, 119, 121, HOUR, 9 * HOUR, -2, -HOUR, 10**9])
HONEST = st.builds(
    lambda factor, person, age: Proof(
        person=person,
        factor=factor,
        kinds=WORTH[factor].kinds,
        amr=WORTH[factor].amr,
        phishing_resistant=WORTH[factor].phishing_resistant,
        at=NOW - timedelta(seconds=age),
    ),
    st.sampled_from(["password", "password", *WORTH]),
    st.just("i-alice"),
    AGES,
)
REMEMBERED = st.builds(lambda shown: replace(shown, remembered="i-browser"), HONEST)
ODD = build(
    Proof,
    person=st.sampled_from(["i-alice", "i-bob", ""]),
    factor=st.sampled_from(FACTORS),
    kinds=st.frozensets(st.sampled_from(Kind)),
    amr=some("pwd", "otp", "hwk", "mfa"),
    at=AGES.map(lambda age: NOW - timedelta(seconds=age)),
    phishing_resistant=st.booleans(),
)
PROOF_LISTS = st.lists(HONEST | ODD | REMEMBERED, max_size=5).map(tuple)
CONDITIONS = build(
    Conditions,
    people=some("alice", "i-alice", "bob", ""),
    groups=some("STAFF", "x"),
    partners=some("i-app", "i-other"),
    networks=some("10.0.0.0/8", "203.0.113.0/24", "::/0", "garbage"),
    outside=st.booleans(),
    older_than=st.none() | SECONDS,
    except_people=some("Alice", "bob"),
    except_groups=some("finance", "x"),
)
CONTROLS = build(
    Controls,
    deny=st.sampled_from([False, False, False, True]),
    strength=st.none() | st.sampled_from(Strength),
    methods=some("totp", "sms", "key", "passkey", "retina"),
    fresh_within=st.none() | SECONDS,
    remember_days=st.sampled_from([None, None, 0, 1, 365]),
)
ON_THE_WAY = build(
    Controls,
    reconfirm_days=st.sampled_from([None, 1, 90]),
    campaign=st.none() | build(Campaign, methods=some("totp", "passkey", "x"), snoozes=st.integers(0, 2)),
    strongest_first=st.booleans(),
)
RULES = st.builds(
    lambda number, conditions, controls, enabled: Rule(
        id=f"r{number}", name=f"r{number}", conditions=conditions, controls=controls, enabled=enabled
    ),
    st.integers(0, 99),
    st.just(Conditions()) | CONDITIONS,
    CONTROLS,
    st.sampled_from([True, True, True, False]),
)
RULE_LISTS = st.lists(RULES, max_size=3, unique_by=lambda rule: rule.id).map(tuple)
PEOPLE = build(
    Person,
    id=st.sampled_from(["i-alice", "i-alice", "i-carol"]),
    source=st.just("local"),
    source_key=st.just(""),
    name=st.just("alice"),
    display_name=st.just(""),
    groups=some("staff", "Finance"),
    enabled=st.sampled_from([True, True, True, False]),
    may_enrol=st.booleans(),
    recovery_due=st.booleans(),
)
PARTNERS = build(
    Partner,
    id=st.just("i-app"),
    door=st.just("saml"),
    identifier=st.just(APP.identifier),
    name=st.just("App"),
    issuer=st.just("i-main"),
    enabled=st.sampled_from([True, True, True, False]),
    access=st.just(AccessPolicy())
    | build(AccessPolicy, people=some("ALICE", "bob"), groups=some("staff", "x")),
)
REQUESTS = build(
    SignInRequest,
    door=st.just("saml"),
    issuer=st.just("i-main"),
    partner=st.just("i-app"),
    reply_to=st.just("https://app.example.com/acs"),
    force=st.sampled_from([False, False, True]),
    silent=st.sampled_from([False, False, True]),
    max_age=st.none() | SECONDS,
    strength=st.none() | st.sampled_from(Strength),
    confirm=some("account", "consent", "x"),
    expected_person=st.sampled_from(["", "", "i-alice", "i-bob"]),
)
FACTS = build(
    Facts,
    request=REQUESTS,
    partner=PARTNERS,
    person=st.just(ALICE) | st.none() | PEOPLE,
    proofs=PROOF_LISTS,
    offers=st.lists(st.sampled_from(FACTORS).map(lambda name: Offer(factor=name)), max_size=4).map(tuple),
    enrollable=some(*FACTORS),
    worths=st.just(WORTH),
    confirmed=some("account", "consent"),
    address=st.sampled_from(ADDRESSES) | st.text(max_size=12),
    started_at=st.sampled_from([0, 120, HOUR]).map(lambda ago: NOW - timedelta(seconds=ago)),
    now=st.just(NOW),
)
# Facts where an Issue is likely: what must never turn into one is searched from here.
PLAIN = st.builds(
    lambda facts, request, person, partner, proofs: replace(
        facts, request=request, person=person, partner=partner, proofs=proofs
    ),
    FACTS,
    REQUESTS.map(lambda request: replace(request, silent=False, confirm=(), consent=(), expected_person="")),
    st.sampled_from([ALICE, ALICE, NEWCOMER, DISABLED]),
    st.sampled_from([APP, APP, GUARDED, CLOSED]),
    st.lists(HONEST | ODD | REMEMBERED, min_size=1, max_size=4).map(tuple),
)
ANY_FACTS = FACTS | PLAIN


def issues(rules: Sequence[Rule], facts: Facts) -> bool:
    return isinstance(decide(rules, facts).verdict, Issue)


def lenient(rule: Rule) -> bool:
    """Say whether a rule may lower what the default demands."""
    return rule.controls.strength is Strength.ONE or bool(rule.controls.remember_days)


def by_age(rules: Sequence[Rule]) -> bool:
    return any(rule.conditions.older_than is not None for rule in rules)


def test_issue_means_that_everything_was_met() -> None:
    issued = []

    @settings(max_examples=800)
    @given(RULE_LISTS, PLAIN)
    def search(rules: tuple[Rule, ...], facts: Facts) -> None:
        decision = decide(rules, facts)
        if isinstance(decision.verdict, Issue):
            issued.append(facts)
            everything_was_met(rules, facts, decision)

    search()
    assert len(issued) >= 5


def everything_was_met(rules: Sequence[Rule], facts: Facts, decision: Decision) -> None:
    assert facts.person is not None
    assert facts.person.enabled
    assert facts.partner.enabled
    assert facts.request.expected_person in ("", facts.person.id)
    assert set(facts.request.confirm) <= set(facts.confirmed)
    assert decision.reached is not None
    assert decision.reached.rank >= decision.required.rank
    assert {proof.person for proof in decision.counted} == {facts.person.id}
    assert any(WORTH[proof.factor].first for proof in decision.counted)
    assert all(proof.at - facts.now <= timedelta(seconds=10) for proof in decision.counted)
    shown = [proof for proof in decision.counted if not proof.remembered]
    assert any(proof.kinds == WORTH[proof.factor].kinds and WORTH[proof.factor].first for proof in shown)
    if decision.required is Strength.PHISHING_RESISTANT:
        assert any(WORTH[proof.factor].phishing_resistant for proof in shown)
    matched = [rule for rule in rules if rule.enabled and rule.id in decision.rules]
    assert not any(rule.controls.deny for rule in matched)
    kinds = {kind for proof in shown for kind in WORTH[proof.factor].kinds}
    assert len(kinds) >= 2 or any(lenient(rule) for rule in matched)
    if len(shown) < len(decision.counted):
        days = [rule.controls.remember_days for rule in matched]
        assert any(days)
        assert 0 not in days
        assert facts.request.max_age is None
        assert not facts.request.force


@settings(max_examples=200)
@given(RULE_LISTS, ON_THE_WAY, ANY_FACTS, some("totp", "passkey"), st.data())
def test_what_is_set_up_or_confirmed_on_the_way_changes_nothing_else(
    rules: tuple[Rule, ...],
    controls: Controls,
    facts: Facts,
    registered: tuple[str, ...],
    data: st.DataObject,
) -> None:
    facts = replace(facts, registered=registered)
    at = data.draw(st.integers(0, len(rules)))
    more = (*rules[:at], Rule(id="way", name="way", controls=controls), *rules[at:])
    plain, on_the_way = decide(rules, facts), decide(more, facts)
    assert (on_the_way.counted, on_the_way.reached) == (plain.counted, plain.reached)
    if on_the_way.verdict == plain.verdict:
        return
    verdict = on_the_way.verdict
    assert isinstance(verdict, Register | Confirm)
    assert isinstance(plain.verdict, Issue | Confirm)
    assert not facts.request.silent
    assert plain.reached is not None
    assert plain.reached.rank >= plain.required.rank


@settings(max_examples=200)
@given(RULE_LISTS, RULES, ANY_FACTS, st.data())
def test_one_more_rule_never_weakens(
    rules: tuple[Rule, ...], more: Rule, facts: Facts, data: st.DataObject
) -> None:
    assume(not lenient(more))
    at = data.draw(st.integers(0, len(rules)))
    assert not issues((*rules[:at], more, *rules[at:]), facts) or issues(rules, facts)


@settings(max_examples=200)
@given(RULE_LISTS, ANY_FACTS, st.data())
def test_one_proof_less_never_helps(rules: tuple[Rule, ...], facts: Facts, data: st.DataObject) -> None:
    # A rule on the age of what was proved may stop to apply when that is gone, as it should.
    assume(facts.proofs and not by_age(rules))
    at = data.draw(st.integers(0, len(facts.proofs) - 1))
    # What is only told (how many codes are left) is nothing that has to be proved.
    facts = replace(facts, confirmed=(*facts.confirmed, "codes"))
    fewer = replace(facts, proofs=(*facts.proofs[:at], *facts.proofs[at + 1 :]))
    assert not issues(rules, fewer) or issues(rules, facts)


@settings(max_examples=200)
@given(RULE_LISTS, ANY_FACTS, st.data())
def test_order_does_not_matter(rules: tuple[Rule, ...], facts: Facts, data: st.DataObject) -> None:
    shuffled = replace(facts, proofs=tuple(data.draw(st.permutations(facts.proofs))))
    one, other = decide(rules, facts), decide(data.draw(st.permutations(rules)), shuffled)
    assert one.word == other.word
    assert (one.reached, one.required, set(one.rules)) == (other.reached, other.required, set(other.rules))
    assert getattr(one.verdict, "reason", None) == getattr(other.verdict, "reason", None)


@settings(max_examples=200)
@given(RULE_LISTS, ANY_FACTS, PROOF_LISTS)
def test_another_persons_proofs_never_matter(
    rules: tuple[Rule, ...], facts: Facts, proofs: tuple[Proof, ...]
) -> None:
    foreign = tuple(replace(proof, person="i-mallory") for proof in proofs)
    assert decide(rules, replace(facts, proofs=(*foreign, *facts.proofs))) == decide(rules, facts)


@given(RULE_LISTS, ANY_FACTS)
def test_silent_never_shows_a_page(rules: tuple[Rule, ...], facts: Facts) -> None:
    quiet = replace(facts, request=replace(facts.request, silent=True))
    assert not isinstance(decide(rules, quiet).verdict, Ask | Register | Confirm)
    loud = replace(facts, request=replace(facts.request, silent=False))
    if not issues(rules, quiet):
        assert not issues(rules, loud)
        return
    # All was shown: what is left out is only told, or set up for the next time.
    decision = decide(rules, loud)
    assert isinstance(decision.verdict, Issue | Register) or decision.verdict == Confirm(what="codes")
    assert decision.reached is not None
    assert decision.reached.rank >= decision.required.rank


@given(RULE_LISTS, ANY_FACTS, st.sampled_from(Strength))
def test_what_a_partner_asks_for_never_lowers(
    rules: tuple[Rule, ...], facts: Facts, strength: Strength
) -> None:
    unasked = replace(facts, request=replace(facts.request, strength=None))
    asked = replace(facts, request=replace(facts.request, strength=strength))
    assert decide(rules, asked).required.rank >= decide(rules, unasked).required.rank
    assert not issues(rules, asked) or issues(rules, unasked)


@given(RULE_LISTS, ANY_FACTS)
def test_nobody_is_asked_for_what_was_not_offered(rules: tuple[Rule, ...], facts: Facts) -> None:
    verdict = decide(rules, facts).verdict
    if isinstance(verdict, Ask):
        assert verdict.offers
        assert set(verdict.offers) <= {*facts.offers, Offer(factor="password")}
    if isinstance(verdict, Register):
        assert verdict.factors
        assert set(verdict.factors) <= set(facts.enrollable)
        assert facts.person is not None
        if verdict.factors == ("recovery",):
            assert facts.person.recovery_due
        else:
            assert facts.person.may_enrol


@settings(max_examples=200)
@given(RULE_LISTS, PLAIN)
def test_answering_what_is_asked_leads_to_an_end(rules: tuple[Rule, ...], facts: Facts) -> None:
    for _ in range(4):
        verdict = decide(rules, facts).verdict
        if not isinstance(verdict, Ask):
            break
        factor = verdict.offers[0].factor
        worth = WORTH[factor]
        answer = Proof(
            person=ALICE.id,
            factor=factor,
            kinds=worth.kinds,
            amr=worth.amr,
            at=NOW,
            phishing_resistant=worth.phishing_resistant,
        )
        facts = replace(facts, proofs=(*facts.proofs, answer))
    assert not isinstance(decide(rules, facts).verdict, Ask)


@given(RULE_LISTS, ANY_FACTS, st.text(max_size=40))
def test_no_garbage_in_the_address_opens_what_a_network_opens(
    rules: tuple[Rule, ...], facts: Facts, address: str
) -> None:
    junk = replace(facts, address=f"{address}%")
    inside = [rule for rule in rules if rule.conditions.networks and not rule.conditions.outside]
    assert not {rule.id for rule in inside} & set(decide(inside, junk).rules)
    outside = [
        replace(rule, id="o", conditions=Conditions(networks=("::/0",), outside=True)) for rule in rules
    ]
    assert len(decide(outside, junk).rules) == sum(rule.enabled for rule in outside)
