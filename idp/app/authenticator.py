"""Build the phone app's front door, and what wakes phones."""

from __future__ import annotations

from idp.app.ground import Ground
from idp.app.hallway import Hallway
from idp.authenticator.calls import Calls
from idp.authenticator.pages import AuthenticatorPages
from idp.channels.waking import Subscriptions, Waking
from idp.factors.push import Phones
from idp.keys import VapidKey
from idp.net import HttpClient, Reach
from idp.web.pacing import Pace

# A second, of all apps that are open in one process: each is told when to look again.
_LOOKS = 50


def pages(ground: Ground, hallway: Hallway) -> AuthenticatorPages:
    """Build the addresses under /authenticator/."""
    vapid = VapidKey(ground.store, ground.sealer)
    phones = Phones.of(hallway.tools)
    return AuthenticatorPages(
        phones=phones,
        calls=Calls(phones=phones, audience=lambda: ground.issuers.default().base_url, clock=ground.clock),
        vapid=vapid,
        clock=ground.clock,
        service_name=ground.service_name,
        pace=Pace(_LOOKS),
    )


def waking(ground: Ground) -> Waking:
    """Return the worker's handler for messages to phones."""
    return Waking(
        store=ground.store,
        clock=ground.clock,
        subscriptions=Subscriptions(ground.sealer),
        vapid=VapidKey(ground.store, ground.sealer),
        # Anybody with a phone names an address: what the operator opened for partners is not for them.
        http=HttpClient(Reach()),
        contact=lambda: ground.issuers.default().base_url,
    )
