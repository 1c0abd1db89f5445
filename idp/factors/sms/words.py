"""What a text with a code says: our own words in the language of whoever asks, or an administrator's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from idp.core.model import SignIn
from idp.factors.tools import Tools
from idp.keys import Issuers
from idp.store import Store
from idp.store.setting import Setting

CODE, SERVICE = "{code}", "{service}"
_TO_RESET = "Code %(code)s sets a new password for %(service)s. Share it with nobody, whoever asks."
_TO_SIGN_IN = "Code %(code)s signs you in to %(service)s. Share it with nobody, whoever asks."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """An administrator's words by language (BCP 47), with {code} and, if wished, {service} in them."""

    texts: Mapping[str, str] = field(default_factory=dict)


class WordingStore(Setting[Wording]):
    """The words in force."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "text-wording", Wording())


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Texts with a code.

    translate gives our own words in the language of the person whose request is being answered, and
    language what that is; the second argument, and the only one, is the partner's wish (ui_locales).
    """

    service_name: str
    issuers: Issuers
    translate: Callable[[str, str], str]
    language: Callable[[str], str]
    wording: Callable[[], Wording]

    @classmethod
    def of(cls, tools: Tools) -> Messages:
        """Return it, built."""
        return cls(
            service_name=tools.service_name,
            issuers=tools.issuers,
            translate=tools.translate,
            language=tools.language,
            wording=WordingStore(tools.store).get,
        )

    def text(self, code: str, sign_in: SignIn) -> str:
        """Return the text with a code; its last line lets browsers fill it in, on our pages only.

        The form is that of "Origin-bound one-time codes delivered via SMS" (WICG).
        """
        host = urlsplit(self.issuers.get(sign_in.request.issuer).base_url).hostname
        return self._words(code, sign_in) + f"\n\n@{host} #{code}"

    def _words(self, code: str, sign_in: SignIn) -> str:
        wish, facts = sign_in.request.locale, {"code": code, "service": self.service_name}
        if sign_in.request.reset:
            # Whoever reads it out to a caller must see that it is not for a sign-in.
            return self.translate(_TO_RESET, wish) % facts
        own, language = self.wording().texts, self.language(wish)
        said = own.get(language) or own.get(language.partition("-")[0])
        if said:
            return said.replace(SERVICE, self.service_name).replace(CODE, code)
        return self.translate(_TO_SIGN_IN, wish) % facts
