"""Tell people by mail what changed about how they sign in, so that nobody changes it behind their back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from idp.channels.mail import Mail
from idp.channels.texts import Texts
from idp.core.ids import new_id
from idp.core.model import Person
from idp.core.ports import Clock
from idp.keys import Issuers
from idp.store import Unit

# What may have changed; %(what)s is a method ("Passkey, My laptop").
ADDED = "A way to sign in to %(service)s was added: “%(what)s”."
REMOVED = "A way to sign in to %(service)s was removed: “%(what)s”."
STOOD_IN = "A recovery code or a temporary pass was used to sign in to %(service)s."
TRUSTED = "In one more browser your password for %(service)s is enough for a while."
ENDED = "You were signed out everywhere, since you said that a sign-in to %(service)s was not yours."
FORGOTTEN = (
    "A new password for %(service)s was chosen by “Forgot your password?”, with two other ways to sign in, "
    "and you were signed out everywhere."
)
NEW_WORD = "Your password for %(service)s was changed, and you were signed out everywhere."
BLOCKED = (
    "Somebody else seems to have tried to sign in to %(service)s as you. Your account is "
    "blocked, so that nobody gets in. Call whoever helps you with your account; they can unblock it, and "
    "you then choose another password."
)
_SUBJECT = "Your sign-in to %(service)s has changed."
_ADVICE = (
    "If that was you, there is nothing to do. If it was not, sign in at %(address)s and choose "
    "“This was not me”, and tell whoever helps you with your account."
)
# In the language of the commands.
_ALERT_SUBJECT = "%(service)s: %(person)s %(why)s"
_ALERT = (
    "%(person)s %(why)s.\n\nApplication: %(application)s\nNetwork address: %(address)s\n\n%(then)s\n"
    "What happened: idp audit --person %(person)s\n"
)
_TEXT_LASTS = timedelta(hours=6)
SHORT_ADVICE = "If that was not you, tell whoever helps you with your account."


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Sends notices in the unit of work of what they tell of, where there is somebody to take them.

    takes says whether there is a carrier for a kind of message; translate gives a text in the
    language of whoever is answered just now, its second argument is a partner's wish.
    """

    mail: Mail
    texts: Texts
    takes: Callable[[str], bool]
    issuers: Issuers
    service_name: str
    translate: Callable[[str, str], str]
    clock: Clock

    def tell(
        self, unit: Unit, person: Person, changed: str, *, what: str = "", advice: str = _ADVICE
    ) -> None:
        """Tell a person by mail; who has no address on record is not told.

        advice is what to do if it was somebody else, "" when there is none.
        """
        address = next(iter(person.attributes.get("mail", ())), "")
        if not address or not self.takes("mail"):
            return
        facts = self._facts(what)
        texts = (changed, advice) if advice else (changed,)
        said = [self.translate(text, "") % facts for text in texts]
        subject = (self.translate(_SUBJECT, "") % facts).rstrip(".")
        text = "\n\n".join(said) + "\n"
        self.mail.send(unit, to=address, subject=subject, text=text, key=new_id(), person=person.id)

    def tell_phone(self, unit: Unit, person: Person, changed: str, *, what: str, number: str) -> None:
        """Tell a phone (E.164) by text: the one that is no longer asked may be the owner's."""
        if not self.takes("text"):
            return
        facts = self._facts(what)
        text = " ".join(self.translate(text, "") % facts for text in (changed, SHORT_ADVICE))
        until = self.clock.now() + _TEXT_LASTS
        self.texts.send(unit, number=number, text=text, key=new_id(), expires_at=until, person=person.id)

    def alert(self, unit: Unit, *, to: str, facts: Mapping[str, str]) -> None:
        """Tell somebody who looks after the service: person, why, application, address, and what then."""
        if self.takes("mail"):
            said = _ALERT % {**facts, "service": self.service_name}
            subject = _ALERT_SUBJECT % {**facts, "service": self.service_name}
            self.mail.send(unit, to=to, subject=subject, text=said, key=new_id(), person="")

    def _facts(self, what: str) -> dict[str, str]:
        return {
            "service": self.service_name,
            "address": self.issuers.default().base_url + "/me",
            "what": what,
        }
