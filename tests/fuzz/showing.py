"""What people show to prove who they are, changed, each beside a genuine twin for the same sign-in.

Whatever is sent, a sign-in goes on only where a reading of our own (`oracles`) agrees that what was shown is
what had to be; what is refused says why; and the twin is taken, so that nothing passes by refusing all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hypothesis import note
from hypothesis import strategies as st

from tests.fuzz.wire import Outcome, Sent
from tests.oidc.house import CALLBACK

About = Mapping[str, Any]
_PROBLEM, _SHOWN_REFERENCE = 'id="problem"', 'class="reference"'
_REFERENCE = re.compile(r'"reference":"[A-Z0-9]{4}-[A-Z0-9]{4}"')


class Counterpart(Protocol):
    """An installation, as far as it is needed here."""

    def send(self, sent: Sent) -> Outcome: ...
    def mint(self, kind: str) -> dict[str, Any]: ...


def home(outcome: Outcome) -> bool:
    """Say whether the browser goes back to the application with an answer."""
    return any(address.startswith(f"{CALLBACK}?") and "code=" in address for address in outcome.leads_to)


def said_why(outcome: Outcome) -> bool:
    """Say whether a page that is no way on tells what was wrong, or is just the current one again."""
    if outcome.status == 303:
        return all(address.startswith("/signin/") for address in outcome.leads_to)
    # One that is over is told so at length, and nobody needs to be asked why.
    fine = _PROBLEM if outcome.status < 400 else "<h1>" if outcome.status == 410 else _SHOWN_REFERENCE
    return fine in outcome.text


def referred(outcome: Outcome) -> bool:
    """Say whether a program is told a reference, or that there is nothing for it to do."""
    told = _REFERENCE.search(outcome.text) or _SHOWN_REFERENCE in outcome.text
    return outcome.status == 200 or bool(told)


@dataclass(frozen=True, kw_only=True)
class Showing:
    """How something is shown at one address.

    kind names the sign-in that waits for it; changed returns a request, and how to judge whether it may be
    taken, which is asked only once it was; after is what the browser sends to find out whether it was,
    when the answer itself does not tell; used_up says that the sign-in has taken note of an answer, so
    that the twin needs a new one; told says that a refusal is as it has to be.
    """

    kind: str
    drawn: st.SearchStrategy[Any]
    genuine: Callable[[About], Sent]
    changed: Callable[[Any, About], tuple[Sent, Callable[[], bool]]]
    after: Callable[[About], Sent] | None = None
    taken: Callable[[Outcome], bool] = home
    used_up: Callable[[Outcome], bool] = lambda _outcome: False
    told: Callable[[Outcome], bool] = said_why


def tried(showing: Showing, counterpart: Counterpart, example: Any) -> Outcome:
    """Show what was drawn, and its twin; return 200 if it was taken, 422 if not, and why that is wrong."""
    about = counterpart.mint(showing.kind)
    (sent, fits), twin = showing.changed(example, about), showing.genuine(about)
    note(f"{sent}"[:4000])
    answered = counterpart.send(sent)
    seen = answered if answered.broken else _seen(showing, counterpart, about, answered)
    if seen.broken:
        return seen
    if showing.taken(seen):
        return Outcome(status=200, broken="" if fits() else f"taken as if it were genuine: {sent}"[:4000])
    # At another address, or asked in another way, others answer.
    there = (sent.method, sent.path) == (twin.method, twin.path)
    if there and not showing.told(answered):
        return Outcome(status=422, broken=f"does not say why: {answered}"[:4000])
    return _beside(
        showing, counterpart, counterpart.mint(showing.kind) if showing.used_up(answered) else about
    )


def _beside(showing: Showing, counterpart: Counterpart, about: About) -> Outcome:
    answered = counterpart.send(showing.genuine(about))
    seen = answered if answered.broken else _seen(showing, counterpart, about, answered)
    fine = seen.broken or showing.taken(seen)
    return Outcome(status=422, broken=seen.broken if fine else f"refused the genuine twin: {answered}"[:4000])


def _seen(showing: Showing, counterpart: Counterpart, about: About, answered: Outcome) -> Outcome:
    return answered if showing.after is None else counterpart.send(showing.after(about))
