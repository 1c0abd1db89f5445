"""The addresses that carriers of calls ask: what to say next, and that a call has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, Response

from idp.channels.calls import KIND, PATH
from idp.channels.carriers import Carriers
from idp.channels.pages import read_callback
from idp.channels.spoken import Ended, Heard, Spoken, Until
from idp.channels.twilio_voice import CONTENT_TYPE, TwilioVoice
from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import same
from idp.core.ports import Clock
from idp.factors import elsewhere
from idp.factors.call import dialogue
from idp.factors.call.dialogue import Mode, Stage, Talk, Turn
from idp.factors.call.factor import NEW, Call, line_of
from idp.factors.elsewhere import Request, Said
from idp.factors.tools import Tools
from idp.keys import Issuers
from idp.store import Store, Unit
from idp.store.counters import count_down

# Carriers' programs post to them from elsewhere, signed.
OPEN_ENDPOINTS = ("calls.talk", "calls.ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPages:
    """What the addresses need; service_name is who calls."""

    store: Store
    clock: Clock
    issuers: Issuers
    carriers: Carriers
    call: Call
    service_name: str
    translate: Callable[[str, str], str]

    @classmethod
    def of(cls, tools: Tools) -> CallPages:
        """Return the pages, built."""
        return cls(
            store=tools.store,
            clock=tools.clock,
            issuers=tools.issuers,
            carriers=Carriers(tools.store, tools.sealer),
            call=Call.of(tools),
            service_name=tools.service_name,
            translate=tools.translate,
        )

    def blueprint(self) -> Blueprint:
        """Return the routes; give OPEN_ENDPOINTS to the application."""
        blueprint = Blueprint("calls", __name__)
        route = f"{PATH}/<name>/<secret>"
        blueprint.add_url_rule(route, "talk", self._talk, methods=["POST"])
        blueprint.add_url_rule(route + "/ended", "ended", self._ended, methods=["POST"])
        return blueprint

    def _talk(self, name: str, secret: str) -> Response:
        try:
            carrier, heard = self._heard(name)
            # Only its own address says that a call has ended.
            spoken = self.say(secret, replace(heard, ended=None))
        except (Refused, ValueError):
            # The same for whatever is wrong with it: there is nothing to be learned here.
            return Response(status=404)
        return Response(carrier.render(spoken), content_type=CONTENT_TYPE)

    def _ended(self, name: str, secret: str) -> Response:
        try:
            _, heard = self._heard(name)
            self.end(secret, heard.ended)
        except (Refused, ValueError):
            return Response(status=404)
        return Response(status=204)

    def _heard(self, name: str) -> tuple[TwilioVoice, Heard]:
        """Return the carrier of that name, and what it says. Raises Refused when it is not it."""
        for each in self.carriers.ready():
            if each.carrier.name == name and each.carrier.kind == KIND:
                carrier = each.carrier
                if isinstance(carrier, TwilioVoice):
                    return carrier, carrier.heard(read_callback(self.issuers.default().base_url))
        raise Refused("There is no such carrier.")

    # What a call comes to ---------------------------------------------------------------------
    def say(self, secret: str, heard: Heard) -> Spoken:
        """Return what is said next in the call with this secret. Raises Refused when there is none."""
        now = self.clock.now()
        with self.store.write() as unit:
            request = self._request(unit, secret)
            talk = codec.build(Talk, request.talk)
            if heard.machine and request.open(now):
                self._note(unit, request, talk, Said.VOICEMAIL)
            if heard.machine or not request.open(now):
                return self._spoken(talk, request, (dialogue.OVER,) if not heard.machine else (), None)
            # The carrier that made the call asked once before: the first turn is what it is told.
            turn = self._next(unit, request, talk, heard)
            if not elsewhere.turned(unit, request, codec.plain(turn.talk)):
                return self._spoken(talk, request, (dialogue.OVER,), None)
            if turn.said is not Said.NOTHING:
                self._note(unit, request, turn.talk, turn.said)
        return self._spoken(turn.talk, request, turn.sentences, turn.until)

    def end(self, secret: str, ended: Ended | None) -> None:
        """Note that a call ended before anything came of it. Raises Refused when there is none."""
        with self.store.write() as unit:
            request = self._request(unit, secret)
            talk = codec.build(Talk, request.talk)
            # Where a code was read out, the page goes on waiting for it.
            if ended is not None and talk.stage is not Stage.OVER and request.open(self.clock.now()):
                said = dialogue.hung_up(talk) if ended is Ended.HUNG_UP else Said(ended.value)
                self._note(unit, request, talk, said)

    def _next(self, unit: Unit, request: Request, talk: Talk, heard: Heard) -> Turn:
        if not talk.greeted:
            return dialogue.begin(talk)
        return dialogue.hear(talk, heard.keys, pin_right=lambda typed: self._pin(unit, request, typed))

    def _pin(self, unit: Unit, request: Request, typed: str) -> bool:
        for method in self.call.methods.of(unit.connection, request.person):
            if method.id == request.device:
                pin = line_of(method, self.call.methods.secret(unit.connection, method.id)).pin
                return bool(pin) and same(pin, typed)
        kept = self.call.kept(request)
        return bool(kept) and same(kept, typed)

    def _request(self, unit: Unit, secret: str) -> Request:
        request = elsewhere.by_secret(unit.connection, secret)
        if request is None or request.factor != Call.name:
            raise Refused("There is no such call.")
        return request

    def _note(self, unit: Unit, request: Request, talk: Talk, said: Said) -> None:
        answered = self.call.elsewhere.answered(
            unit, request, said, by=request.device, ready=request.device != NEW, now=self.clock.now()
        )
        if answered and said is Said.APPROVED:
            count_down(unit, talk.spent)

    def _spoken(
        self, talk: Talk, request: Request, sentences: tuple[str, ...], until: Until | None
    ) -> Spoken:
        facts = {
            "service": self.service_name,
            "application": self.call.elsewhere.application(request.partner),
            # A figure at a time, or it is read as a number.
            "code": ", ".join(self.call.kept(request)) if talk.mode is Mode.CODE else "",
        }
        greetings: Mapping[str, str] = self.call.settings().greetings
        said = [
            greetings.get(talk.language, "")
            if sentence == dialogue.GREETING and talk.language in greetings
            else self.translate(sentence, talk.language) % facts
            for sentence in sentences
        ]
        return Spoken(language=talk.language, sentences=tuple(said), until=until)
