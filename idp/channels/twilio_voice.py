"""Calls by Twilio: placed over its REST interface, spoken in TwiML, with signed callbacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from idp.channels.asking import BOUNDS, basic, client, unanswered
from idp.channels.spoken import Ended, Heard, Spoken, Until
from idp.channels.twilio import API, check_account, check_reached, check_signed, judged
from idp.core.errors import Refused
from idp.core.ports import Callback, Handover, Parcel, Receipt
from idp.net import Blocked, Unanswered

_CALLER = re.compile(r"\+[1-9][0-9]{6,14}")
_RINGS = 30  # seconds: before most voice boxes answer
_THINKS = 8  # seconds for the first key
_PAUSE = "w"  # half a second before an extension's digits
# What it calls the language of a voice, where that is not a tag and its country.
_VOICES = {
    "en": "en-US",
    "ar": "arb",
    "de": "de-DE",
    "fr": "fr-FR",
    "es": "es-ES",
    "it": "it-IT",
    "nl": "nl-NL",
}
_ENDED = {
    "busy": Ended.BUSY,
    "no-answer": Ended.NO_ANSWER,
    "failed": Ended.UNREACHABLE,
    "canceled": Ended.NO_ANSWER,
    "completed": Ended.HUNG_UP,
}
CONTENT_TYPE = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioVoiceSettings:
    """An account, and the number that people see when they are called."""

    account: str
    caller: str
    api: str = API
    authorities: str = ""

    def check(self, *, secret_given: bool) -> None:
        """Raise Refused, saying what to change, when these cannot be used."""
        check_account(self.account)
        if not _CALLER.fullmatch(self.caller):
            raise Refused("The caller is a number like +14255550123.")
        check_reached(self.api, self.authorities, secret_given=secret_given)


class TwilioVoice:
    """A carrier of calls. The secret is the account's auth token, by which it signs what it asks us."""

    kind = "call"

    def __init__(self, name: str, settings: TwilioVoiceSettings, secret: str) -> None:
        self.name = name
        self._settings = settings
        self._secret = secret
        self._client = client(settings.authorities)

    def send(self, parcel: Parcel) -> Handover:
        """Make a Call resource; what is said is fetched from parcel.receipts. to may end in an extension."""
        settings, (number, _, extension) = self._settings, parcel.to.partition(";ext=")
        form = {
            "To": number,
            "From": settings.caller,
            "Url": parcel.receipts,
            "StatusCallback": parcel.receipts + "/ended",
            "Timeout": str(_RINGS),
            "MachineDetection": "Enable",
        }
        if extension:
            form["SendDigits"] = _PAUSE * 4 + extension
        address = f"{settings.api.rstrip('/')}/2010-04-01/Accounts/{settings.account}/Calls.json"
        headers = {
            "Authorization": basic(settings.account, self._secret),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            return judged(
                self._client.post(address, urlencode(form).encode(), headers=headers, bounds=BOUNDS)
            )
        except (Blocked, Unanswered) as error:
            return unanswered(error)

    def receipt(self, call: Callback) -> Receipt | None:
        """Say nothing: a call is answered at its own addresses."""
        return None

    def heard(self, call: Callback) -> Heard:
        """Read a signed callback. Raises Refused when it is not Twilio's."""
        check_signed(self._secret, call)
        posted = call.posted
        if posted.get("AnsweredBy", "").startswith(("machine", "fax")):
            return Heard(machine=True)
        return Heard(keys=posted.get("Digits", "")[:32], ended=_ENDED.get(posted.get("CallStatus", "")))

    def render(self, spoken: Spoken) -> str:
        """Return TwiML. What is pressed comes back to the address that it was fetched from."""
        response = ET.Element("Response")
        place = response
        if spoken.until is not None:
            # An empty result is sent as well: silence is for the dialogue to judge, and never a yes.
            options = {
                "input": "dtmf",
                "timeout": str(_THINKS),
                "actionOnEmptyResult": "true",
                "method": "POST",
            }
            # With '#' as the end of one key, a lone '#' would come as nothing at all.
            key = {"finishOnKey": "", "numDigits": "1"}
            place = ET.SubElement(
                response, "Gather", options | (key if spoken.until is Until.KEY else {"finishOnKey": "#"})
            )
        for sentence in spoken.sentences:
            ET.SubElement(place, "Say", language=_voice(spoken.language)).text = sentence
        if spoken.until is None:
            ET.SubElement(response, "Hangup")
        return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(response, encoding="unicode")


def _voice(language: str) -> str:
    return _VOICES.get(language.partition("-")[0], language)
