"""Choose the language of a page and translate its texts.

The catalogues are read as .po text at the first use; no compiled files are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, Response, g, has_request_context, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from idp.partners.remarks import Remark
from idp.web import cookies
from idp.web.cookies import Jar

DEFAULT = "en"
_CATALOGUES = Path(__file__).parent / "locale"
_YEAR = timedelta(days=365)
# ui_locales and Accept-Language come from outside; nobody reads more languages than this.
_MOST_WISHES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language that pages can be shown in; name is in the language itself."""

    tag: str
    name: str
    direction: Literal["ltr", "rtl"]
    texts: NullTranslations


@cache
def languages() -> dict[str, Language]:
    """Return every language there is a catalogue for, by its BCP 47 tag."""
    found = {DEFAULT: _language(DEFAULT, NullTranslations())}
    for path in sorted(_CATALOGUES.glob("*/LC_MESSAGES/messages.po")):
        tag = path.parent.parent.name.replace("_", "-")
        found[tag] = _language(tag, _read(path))
    return found


def choose(wishes: Iterable[str]) -> Language:
    """Return the best language for BCP 47 tags in order of preference."""
    known = languages()
    wanted = [wish for wish, _ in zip(wishes, range(_MOST_WISHES), strict=False)]
    # It answers in the spelling of the wish, and tags are the same in every case (RFC 5646 2.1.1).
    tag = negotiate_locale(wanted, known, sep="-") or DEFAULT
    return {name.lower(): found for name, found in known.items()}[tag.lower()]


def language() -> Language:
    """Return the language of this request, chosen at first use."""
    if "language" not in g:
        prefer("")
    chosen: Language = g.language
    return chosen


def prefer(wishes: str) -> None:
    """Put a partner's wish (ui_locales: tags between spaces) before the browser's own."""
    accepted = request.headers.get("Accept-Language", "")
    g.language = _chosen(_asked(), cookies.read(request, Jar.LANGUAGE), wishes, accepted)


def mark(text: str) -> str:
    """Return the text as it is; marks it for extraction, to be translated where it is shown."""
    return text


def translate(text: str) -> str:
    """Return a message in the language of this request."""
    # gettext gives the catalogue's header for the empty message.
    return language().texts.gettext(text) if text else ""


def translate_for(text: str, wishes: str) -> str:
    """Return a message in the language of this request's pages; outside of requests, as it is.

    wishes are the partner's (ui_locales: tags between spaces).
    """
    if not has_request_context():
        return text
    prefer(wishes)
    return translate(text)


def language_for(wishes: str) -> str:
    """Return the tag of the language of this request's pages; outside of requests, the usual one."""
    if not has_request_context():
        return DEFAULT
    prefer(wishes)
    return language().tag


def translate_count(one: str, many: str, count: int) -> str:
    """Return the form of a message that fits the count."""
    return language().texts.ngettext(one, many, count)


def said(remark: str) -> str:
    """Return a remark (`partners.remarks`) in the language of this request.

    Each value is isolated: an address in the middle must not turn an Arabic sentence around.
    """
    if not isinstance(remark, Remark):
        return translate(remark)
    isolated = {name: f"\u2068{value}\u2069" for name, value in remark.values.items()}
    return translate(remark.text) % isolated if isolated else translate(remark.text)


def install(app: Flask) -> None:
    """Translate in templates by `_` and `{% trans %}`; remember `?lang=` in a cookie."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The extension adds this method to the environment, unseen by types.
    install_callables = app.jinja_env.install_gettext_callables  # type: ignore[attr-defined]
    install_callables(translate, translate_count, newstyle=True)
    # For texts that come as values: `_` would read a per cent sign in them as a placeholder.
    app.jinja_env.filters["translate"] = translate
    app.jinja_env.filters["said"] = said
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.after_request(_remember)


@lru_cache(maxsize=256)  # browsers say the same few things, and reading them costs as much as a page
def _chosen(asked: str, clicked: str, partner: str, accepted: str) -> Language:
    browser = parse_accept_header(accepted, LanguageAccept).values()
    # What the person clicked on counts for more than what the partner believes of them.
    return choose([*filter(None, (asked, clicked)), *partner.split(), *browser])


def _remember(response: Response) -> Response:
    asked = _asked()
    if asked in languages():
        cookies.keep(response, Jar.LANGUAGE, asked, lifetime=_YEAR)
    return response


def _asked() -> str:
    # Only when it is there: partners' messages make long addresses, slow to take apart.
    return request.args.get("lang", "") if b"lang=" in request.query_string else ""


def _language(tag: str, texts: NullTranslations) -> Language:
    locale = Locale.parse(tag, sep="-")
    direction: Literal["ltr", "rtl"] = "rtl" if locale.text_direction == "rtl" else "ltr"
    return Language(tag=tag, name=locale.get_display_name() or tag, direction=direction, texts=texts)


def _read(path: Path) -> GNUTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
