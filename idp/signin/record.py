"""The sign-ins under way: kept in state, bound to one browser, changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from idp.core import codec
from idp.core.errors import BadMessage, Busy
from idp.core.ids import fingerprint, new_id, same
from idp.core.model import SignIn, SignInRequest, Visit
from idp.core.ports import Clock, State
from idp.signin.limits import Limits
from idp.store.counters import place

# An expired record is kept a while longer, so that its page can name the application and start
# the same sign-in again.
_REMEMBER = 4


class Finished(BadMessage):
    """There is no such sign-in any more: it was finished, or is long gone."""

    status = 410


class Foreign(BadMessage):
    """The sign-in belongs to another browser: an id seen somewhere opens nothing."""

    status = 403


class Crowded(Busy):
    """More sign-ins began lately than are let in."""

    status = 429


class Expired(BadMessage):
    """The sign-in took too long; it can be started again."""

    status = 410

    def __init__(self, sign_in: SignIn) -> None:
        super().__init__("This sign-in took too long, so we stopped it.")
        self.sign_in = sign_in


class SignIns:
    """Sign-ins by id; an id opens nothing without the browser cookie it was made for."""

    def __init__(
        self, state: State, clock: Clock, lifetime: timedelta, limits: Callable[[], Limits] = Limits
    ) -> None:
        self._state = state
        self._clock = clock
        self.lifetime = lifetime
        self._limits = limits

    def keep(self, sign_in: SignIn) -> None:
        """Store a new sign-in. Raises Crowded."""
        self._admit("signins", sign_in.network.address)
        self._state.put(_key(sign_in.id), codec.dump(sign_in), self.lifetime * _REMEMBER)

    def load(self, sign_in_id: str, visit: Visit) -> tuple[SignIn, int]:
        """Return a sign-in, seen from where the visit is, and its version.

        Raises Finished, Foreign or Expired.
        """
        sign_in, version = self._held(sign_in_id)
        if not visit.browser or not same(fingerprint(visit.browser), sign_in.browser):
            raise Foreign("This sign-in was started in another browser.", detail="browser binding")
        # Policy asks where the person is, not where they began: a sign-in can be carried home.
        sign_in = replace(sign_in, network=visit.network)
        if sign_in.expires_at <= self._clock.now():
            raise Expired(sign_in)
        return sign_in, version

    def save(self, sign_in: SignIn, version: int) -> int | None:
        """Replace the version that was read; None when somebody else was faster.

        The record's lifetime does not start again.
        """
        replaced = self._state.cas(_key(sign_in.id), version, codec.dump(sign_in))
        return version + 1 if replaced else None

    def claim(self, sign_in: SignIn) -> None:
        """Take a finished sign-in away: of several callers one goes on. Raises Finished for the rest."""
        if self._state.pop(_key(sign_in.id)) is None:
            raise Finished("This sign-in is finished.", detail="already claimed")

    def again(self, expired: SignIn) -> SignIn:
        """Return a fresh sign-in for an expired one's request, with nothing proved."""
        now = self._clock.now()
        return replace(
            expired,
            started_at=now,
            expires_at=now + self.lifetime,
            proofs=(),
            asked=None,
            beside=(),
            enrolment=None,
            confirmed=(),
            session="",
            stay=False,
            remember=False,
            ended="",
            denied="",
        )

    def arrive(self, request: SignInRequest, address: str) -> str:
        """Keep a verified request that came by POST from an address; return the one-time id that begins it.

        Raises Crowded.
        """
        self._admit("arrivals", address)
        # A cross-site POST carries no Lax cookie, so the sign-in begins at the GET that follows.
        arrival = new_id()
        self._state.put("arrival:" + arrival, codec.dump(request), timedelta(minutes=5))
        return arrival

    def arrived(self, arrival: str) -> SignInRequest:
        """Return a request that came by POST, once. Raises Finished."""
        text = self._state.pop("arrival:" + arrival[:64])
        if text is None:
            raise Finished("This sign-in was opened before, or is too old.")
        return codec.load(SignInRequest, text)

    def _admit(self, what: str, address: str) -> None:
        """Let only so many begin: whoever is signed in passes without, and keeps nothing."""
        # In state, where what is counted is kept: when the counts vanish, so has what they bound.
        limits, minute = self._limits(), timedelta(minutes=1)
        if self._state.incr(f"{what}:{place(address)}", minute) > limits.arrivals:
            raise Crowded("Too many sign-ins began in your network just now.", detail="flood from an address")
        if self._state.incr(f"{what}:all", minute) > limits.arrivals_all:
            raise Crowded("Too many sign-ins began just now.", detail="flood from everywhere")

    def _held(self, sign_in_id: str) -> tuple[SignIn, int]:
        held = self._state.get(_key(sign_in_id))
        if held is None:
            raise Finished("This sign-in is finished, or it is too old.", detail="no record")
        return codec.load(SignIn, held.value), held.version


def _key(sign_in_id: str) -> str:
    return "signin:" + sign_in_id[:64]
