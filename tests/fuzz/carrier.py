"""Two carriers of texts, a gateway and Twilio, and what each could send to the address it was told."""

from __future__ import annotations

from datetime import timedelta

from idp.app.ground import Ground
from idp.channels import Texts
from idp.channels.carriers import Carriers, SetUp
from idp.channels.gateway import HttpSettings, Told
from idp.channels.twilio import TwilioSettings
from idp.core.ids import new_id
from idp.core.model import Actor
from idp.jobs import Outcome
from tests.channels.carrying import ACCOUNT

SECRET = "the token of the account"
GATEWAY, TWILIO = "gateway", "twilio"
_WHO = Actor(kind="cli", id="test")
_WORDS = {
    "arrived": Told(path="status.0.word", words=("DELIVRD",)),
    "lost": Told(path="status", words=("2",)),
}


def furnish(ground: Ground) -> None:
    """Set both up."""
    http = HttpSettings(url="https://gateway.example/", form={"key": "{secret}"}, **_WORDS)
    twilio = TwilioSettings(account=ACCOUNT, sender="Countersign")
    carriers = Carriers(ground.store, ground.sealer)
    with ground.store.write() as unit:
        for name, settings in ((GATEWAY, http), (TWILIO, twilio)):
            carriers.save(
                unit, SetUp(name=name, settings=settings), SECRET, actor=_WHO, at=ground.clock.now()
            )


def told(ground: Ground) -> dict[str, str]:
    """Have each carrier take a text; return the path that it reports to, by name."""
    texts, ends = Texts(ground.outbox, ground.clock), ground.clock.now() + timedelta(minutes=5)
    paths = {}
    for name in (GATEWAY, TWILIO):
        with ground.store.write() as unit:
            texts.send(unit, number="+14255550123", text="Hello", key=new_id(), expires_at=ends, carrier=name)
        leased = ground.outbox.lease(["text"])
        assert leased is not None
        paths[name] = f"/channels/receipts/{name}/{ground.outbox.open(leased).payload['secret']}"
        ground.outbox.settle(leased, Outcome())
    return paths
