"""Keep the policy rules: read what an administrator wrote, store it, hand it to every worker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv6Network, ip_network

import sqlalchemy as sa

from idp.core.codec import build, plain
from idp.core.errors import Refused
from idp.core.ids import fold
from idp.core.model import Actor, Strength
from idp.policy.model import Campaign, Conditions, Controls, Rule
from idp.store import Change, Store, Unit, change
from idp.store.revisioned import Revisioned
from idp.store.schema import rules as table

MOST_RULES = 1000
MOST_ENTRIES = 1000
LONGEST_TEXT = 1024
LONGEST_AGE = 10 * 365 * 24 * 3600  # seconds

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ALL = sa.select(table.c.document).order_by(table.c.position)
_DELETE = sa.delete(table)
_INSERT = sa.insert(table)


class Rules:
    """The stored rules, in the administrator's order."""

    def __init__(self, store: Store) -> None:
        self._cache = Revisioned(store, _load)

    def all(self) -> tuple[Rule, ...]:
        """Return every rule, at most a second behind the database; none means decide's default."""
        return self._cache.get()

    def replace_all(self, unit: Unit, rules: Sequence[Rule], *, actor: Actor, at: datetime) -> None:
        """Put these rules in the place of all, as one change; nothing changes when they are the same."""
        before, after = _documents(unit.connection), [plain(rule) for rule in rules]
        if before == after:
            return
        unit.execute(_DELETE)
        rows = [
            {"id": rule.id, "position": position, "document": document}
            for position, (rule, document) in enumerate(zip(rules, after, strict=True))
        ]
        if rows:
            unit.execute(_INSERT, rows)
        whole = Change(noun="rules", key="all", before={"rules": before}, after={"rules": after})
        change(unit, actor=actor, at=at, change=whole)


def _documents(connection: sa.Connection) -> list[object]:
    return list(connection.execute(_ALL).scalars())


def _load(connection: sa.Connection) -> tuple[Rule, ...]:
    return tuple(build(Rule, document) for document in _documents(connection))


# What an administrator wrote ------------------------------------------------------------------
def read(data: object, factors: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules in a JSON value: a list of objects shaped like `Rule`, as `plain` writes it.

    factors are the names of those in use. A rule needs an id and at least one control; its name
    is its id unless given. Whatever is not understood is an error, since a condition that is
    skipped makes a rule say something else. Raises Refused, naming the place.
    """
    entries = _listed(data, place="The policy", most=MOST_RULES)
    rules = tuple(_rule(entry, place=f"Rule {number}") for number, entry in enumerate(entries, start=1))
    seen: set[str] = set()
    for number, rule in enumerate(rules, start=1):
        if fold(rule.id) in seen:
            raise Refused(f"Rule {number} has the same id as a rule before it.", detail=rule.id)
        seen.add(fold(rule.id))
        _check_methods(rule.controls.methods, factors, place=f"Rule {number}, controls, methods")
        asked_for = rule.controls.campaign.methods if rule.controls.campaign else ()
        _check_methods(asked_for, factors, place=f"Rule {number}, controls, campaign, methods")
    return rules


def _check_methods(names: Sequence[str], factors: Iterable[str], *, place: str) -> None:
    if "password" in names:
        raise Refused(f"{place}: the password is always accepted; list the factors accepted beside it.")
    known = [factor for factor in factors if factor != "password"]
    for number, name in enumerate(names, start=1):
        if name not in known:
            raise Refused(f"{place}, entry {number}: use one of {', '.join(known)}.", detail=name)


def _rule(data: object, *, place: str) -> Rule:
    fields = _object(data, ("id", "name", "conditions", "controls", "enabled"), place=place)
    rule_id = _text(fields.get("id"), place=f"{place}, id")
    if not _ID.fullmatch(rule_id):
        raise Refused(f"{place}, id: use up to 64 letters, digits, dots, hyphens and underscores.")
    rule = Rule(
        id=rule_id,
        name=_text(fields.get("name", rule_id), place=f"{place}, name"),
        conditions=_conditions(fields.get("conditions", {}), place=f"{place}, conditions"),
        controls=_controls(fields.get("controls", {}), place=f"{place}, controls"),
        enabled=_flag(fields.get("enabled", True), place=f"{place}, enabled"),
    )
    if rule.controls.deny and rule.conditions.older_than is not None:
        # It would lock people out until their session ends, with no way to prove anything anew.
        raise Refused(f"{place}: deny can't depend on older_than; use fresh_within to have it proved anew.")
    return rule


def _conditions(data: object, *, place: str) -> Conditions:
    lists = ("people", "groups", "partners", "networks", "except_people", "except_groups")
    fields = _object(data, (*lists, "outside", "older_than"), place=place)
    texts = {name: _texts(fields.get(name, []), place=f"{place}, {name}") for name in lists}
    outside = _flag(fields.get("outside", False), place=f"{place}, outside")
    if outside and not texts["networks"]:
        raise Refused(f"{place}: outside needs networks to be outside of.")
    return Conditions(
        people=texts["people"],
        groups=texts["groups"],
        partners=texts["partners"],
        networks=_networks(texts["networks"], place=f"{place}, networks"),
        outside=outside,
        older_than=_seconds(fields.get("older_than"), place=f"{place}, older_than"),
        except_people=texts["except_people"],
        except_groups=texts["except_groups"],
    )


_CONTROLS = (
    *("deny", "strength", "methods", "fresh_within", "enrol_with_pass"),
    *("remember_days", "reconfirm_days", "campaign", "strongest_first"),
)
_MOST_DAYS = 365
_MOST_SNOOZES = 100


def _controls(data: object, *, place: str) -> Controls:
    fields = _object(data, _CONTROLS, place=place)
    controls = Controls(
        deny=_flag(fields.get("deny", False), place=f"{place}, deny"),
        strength=_strength(fields.get("strength"), place=f"{place}, strength"),
        methods=_texts(fields.get("methods", []), place=f"{place}, methods"),
        fresh_within=_seconds(fields.get("fresh_within"), place=f"{place}, fresh_within"),
        enrol_with_pass=_flag(fields.get("enrol_with_pass", False), place=f"{place}, enrol_with_pass"),
        remember_days=_days(fields.get("remember_days"), least=0, place=f"{place}, remember_days"),
        reconfirm_days=_days(fields.get("reconfirm_days"), least=1, place=f"{place}, reconfirm_days"),
        campaign=_campaign(fields.get("campaign"), place=f"{place}, campaign"),
        strongest_first=_flag(fields.get("strongest_first", False), place=f"{place}, strongest_first"),
    )
    if controls == Controls():
        raise Refused(f"{place}: the rule demands nothing; give one of {', '.join(_CONTROLS)}.")
    return controls


def _campaign(data: object, *, place: str) -> Campaign | None:
    if data is None:
        return None
    fields = _object(data, ("methods", "snoozes", "days"), place=place)
    campaign = Campaign(
        methods=_texts(fields.get("methods", []), place=f"{place}, methods"),
        snoozes=_number(fields.get("snoozes", 3), least=0, most=_MOST_SNOOZES, place=f"{place}, snoozes"),
        days=_number(fields.get("days", 1), least=1, most=_MOST_DAYS, place=f"{place}, days"),
    )
    if not campaign.methods:
        raise Refused(f"{place}: list the methods that people are to add.")
    return campaign


def _strength(data: object, *, place: str) -> Strength | None:
    if data is None:
        return None
    found = next((strength for strength in Strength if strength.value == data), None)
    if found is None:
        raise Refused(f"{place}: use one of {', '.join(Strength)}.", detail=repr(data)[:80])
    return found


def _networks(texts: Sequence[str], *, place: str) -> tuple[str, ...]:
    return tuple(_network(text, place=f"{place}, entry {n}") for n, text in enumerate(texts, start=1))


def _network(text: str, *, place: str) -> str:
    # Strict: 10.1.2.3/8 more likely means one machine than sixteen million.
    try:
        network = ip_network(text)
    except ValueError as error:
        raise Refused(f"{place}: use a network like 10.0.0.0/8 or 2001:db8::/32.", detail=text) from error
    if isinstance(network, IPv6Network):
        if network.network_address.scope_id is not None:
            raise Refused(f"{place}: a network has no zone.", detail=text)
        if network.network_address.ipv4_mapped is not None:
            raise Refused(f"{place}: write an IPv4 network as IPv4.", detail=text)
    return str(network)


# JSON values ----------------------------------------------------------------------------------
def _object(data: object, known: Sequence[str], *, place: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise Refused(f"{place}: must be an object.")
    unknown = [key for key in data if key not in known]
    if unknown:
        raise Refused(
            f"{place}: has an unknown key; known are {', '.join(known)}.", detail=repr(unknown)[:80]
        )
    return data


def _listed(data: object, *, place: str, most: int) -> Sequence[object]:
    if not isinstance(data, (list, tuple)):
        raise Refused(f"{place}: must be a list.")
    if len(data) > most:
        raise Refused(f"{place}: has more than {most} entries.")
    return data


def _texts(data: object, *, place: str) -> tuple[str, ...]:
    entries = _listed(data, place=place, most=MOST_ENTRIES)
    return tuple(_text(entry, place=f"{place}, entry {n}") for n, entry in enumerate(entries, start=1))


def _text(data: object, *, place: str) -> str:
    if not isinstance(data, str) or not fold(data):
        raise Refused(f"{place}: must be a text that is not empty.")
    if len(data) > LONGEST_TEXT or not data.isprintable():
        raise Refused(f"{place}: must be at most {LONGEST_TEXT} characters without control characters.")
    return data


def _flag(data: object, *, place: str) -> bool:
    if not isinstance(data, bool):
        raise Refused(f"{place}: must be true or false.")
    return data


def _seconds(data: object, *, place: str) -> int | None:
    return None if data is None else _number(data, least=0, most=LONGEST_AGE, of="seconds ", place=place)


def _days(data: object, *, least: int, place: str) -> int | None:
    return None if data is None else _number(data, least=least, most=_MOST_DAYS, of="days ", place=place)


def _number(data: object, *, least: int, most: int, place: str, of: str = "") -> int:
    if isinstance(data, bool) or not isinstance(data, int) or not least <= data <= most:
        whole = f"number of {of}" if of else "number "
        raise Refused(f"{place}: must be a whole {whole}from {least} to {most}.")
    return data
