"""The keys that clients publish at an address of theirs (jwks_uri): fetched with care, kept for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

import structlog

from idp.core.errors import Refused
from idp.core.ports import Clock
from idp.net import Bounds, HttpClient, Unanswered
from idp.partners import jwks
from idp.partners.jwks import Jwk

# A key that its owner took away works no longer than this.
FRESH = timedelta(minutes=10)
# So often at most we ask, whatever key anybody names: else they could have us flood the address.
PAUSE = timedelta(minutes=3)
# Without an answer keys are trusted so long: not for ever, or whoever stole one keeps it
# alive by keeping the address from answering.
KEPT = timedelta(hours=1)
MOST = 500  # addresses
PATIENCE = 1.0  # seconds that others wait for whoever asks
_BOUNDS = Bounds(seconds=5, size=64 * 1024)
_NEVER = datetime.min.replace(tzinfo=UTC)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Held:
    keys: tuple[Jwk, ...] = ()
    asked_at: datetime = _NEVER
    fetched_at: datetime = _NEVER
    lock: Lock = field(default_factory=Lock)

    def enough(self, kid: str, now: datetime) -> bool:
        fresh = now - self.fetched_at < FRESH
        return fresh and (not kid or any(key.kid == kid for key in self.keys))


class PublishedKeys:
    """Fetches key sets through the guarded client; each process keeps its own copies, so many at most."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._lock = Lock()
        self._held: dict[str, _Held] = {}

    def at(self, address: str, kid: str) -> tuple[Jwk, ...]:
        """Return the keys at an address, none when there are none to be had or they are too old.

        A key id that is not among them, "" for any, is a reason to ask anew (OIDC core 10.1.1).
        """
        held = self._place(address)
        # Who comes while somebody asks waits for the answer too, but not for long: anybody can name
        # this client, and an address that keeps us waiting must not hold up all threads.
        if held.lock.acquire(timeout=PATIENCE):
            try:
                now = self._clock.now()
                if not held.enough(kid, now) and now - held.asked_at >= PAUSE:
                    held.asked_at = now
                    self._fetch(address, held)
            finally:
                held.lock.release()
        return held.keys if self._clock.now() - held.fetched_at < KEPT else ()

    def _fetch(self, address: str, held: _Held) -> None:
        try:
            answer = self._http.get(address, bounds=_BOUNDS)
            if answer.status != 200:
                raise Unanswered("The address answered with something else than was asked for.")
            keys = jwks.usable(answer.body.decode("utf-8", "replace"))
        except Refused as refused:
            _log.warning("jwks-uri", address=address.partition("?")[0], problem=refused.public)
            return
        held.keys, held.fetched_at = keys, held.asked_at

    def _place(self, address: str) -> _Held:
        with self._lock:
            # Put back at the end, so that the first is the one that was not used for longest.
            held = self._held[address] = self._held.pop(address) if address in self._held else _Held()
            if len(self._held) > MOST:
                del self._held[next(iter(self._held))]
        return held
