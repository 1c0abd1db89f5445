"""Keep pushed authorization requests until the browser brings their address, once (RFC 9126)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from idp.core.errors import BadMessage
from idp.core.ids import fingerprint, new_secret
from idp.core.model import Partner
from idp.core.ports import Clock, State
from idp.oidc.parameters import Parameters
from idp.store import Store
from idp.store.once import once

PREFIX = "urn:ietf:params:oauth:request_uri:"
# From the client's server to the person's browser, and no time to sell it in between.
LIFETIME = timedelta(seconds=90)
# Longer than any state that stepped back could still hold the request.
_REMEMBERED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequests:
    """Parameters by the hash of their one-time address; who comes first is settled in the database."""

    state: State
    store: Store
    clock: Clock

    def keep(self, partner: Partner, parameters: Parameters) -> str:
        """Keep a client's parameters; return the request_uri that stands for them."""
        handle = new_secret()
        kept = json.dumps([partner.identifier, dict(parameters.values)])
        self.state.put(_key(handle), kept, LIFETIME)
        return PREFIX + handle

    def take(self, brought: Parameters) -> Parameters:
        """Return what was pushed; nothing else that the browser brought counts (sections 4 and 7.1).

        Raises BadMessage: without its parameters no address to answer at is known.
        """
        if not brought.repeated.isdisjoint({"client_id", "request_uri"}):
            raise BadMessage("The application sent an ambiguous request.", detail="repeated request_uri")
        key = _key(brought.get("request_uri").removeprefix(PREFIX))
        held = self.state.get(key)
        client_id, values = json.loads(held.value) if held is not None else ("", {})
        # Another client must not use it up, so it is looked at first.
        if not client_id or client_id != brought.get("client_id") or not self._first(key):
            raise BadMessage(
                "This sign-in request is too old, or was opened before.", detail="request_uri unknown or used"
            )
        return Parameters(values=values, repeated=frozenset())

    def _first(self, key: str) -> bool:
        with self.store.write() as unit:
            first = once(unit, key, until=self.clock.now() + _REMEMBERED)
        if first:
            self.state.pop(key)
        return first


def _key(handle: str) -> str:
    return "pushed:" + fingerprint(handle)
