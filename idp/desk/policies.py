"""What may be done to the policy: look at its rules, put others in their place."""

from __future__ import annotations

from dataclasses import dataclass

from idp.audit import AuditLog, Entry, Event
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.policy.model import Rule
from idp.policy.rules import Rules, read
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDesk:
    """The desk's verbs for policy rules. factors are the names of those in use."""

    store: Store
    clock: Clock
    rules: Rules
    factors: tuple[str, ...]
    audit: AuditLog

    def listing(self, *, actor: Actor) -> tuple[Rule, ...]:
        """Return all rules in order; none means that everyone needs two factors."""
        need_owner(actor)
        return self.rules.all()

    def replace_all(self, data: object, *, actor: Actor) -> tuple[Rule, ...]:
        """Put the rules in a JSON value in the place of all. Raises Refused, naming the place."""
        need_owner(actor)
        rules = read(data, self.factors)
        with self.store.write(alone=True) as unit:
            self.rules.replace_all(unit, rules, actor=actor, at=self.clock.now())
            entry = Entry(
                event=Event.POLICY_CHANGED,
                rules=tuple(rule.id for rule in rules),
                actor=f"{actor.kind}:{actor.id}",
            )
            self.audit.record(unit, entry)
        return rules
