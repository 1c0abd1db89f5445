"""The checks of an authorization request: each looks at one thing and notes what it found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from idp.core.model import Partner, SignInRequest, SubjectForm
from idp.oidc import contexts, wanted
from idp.oidc.answers import MODES
from idp.oidc.apis import Apis
from idp.oidc.claims import OFFLINE, SCOPES, covering
from idp.oidc.errors import OAuthError, invalid_request
from idp.oidc.idtokens import IdTokens
from idp.oidc.parameters import Parameters
from idp.oidc.wanted import Member
from idp.partners.oidc import OidcSettings
from idp.sessions import Subjects

# Longest values in characters; what is not listed is never looked at or has its own limit.
_LIMITS = {"state": 4096, "nonce": 512, "scope": 2048, "prompt": 200, "acr_values": 2048}
_LONGEST_HINT = 256
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256 (RFC 7636 section 4.2)
_SECONDS = re.compile(r"[0-9]{1,9}")
_LANGUAGES = re.compile(r"[A-Za-z0-9 -]{2,200}")

# Features a client must not believe were heeded (OIDC core 6 and 7.2.1).
_NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
_QUESTIONS = {"select_account": "account", "consent": "consent"}
PROMPTS = ("none", "login", "consent", "select_account")


NOBODY = "-"  # no person's id


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the checks look at."""

    parameters: Parameters
    pushed: bool
    partner: Partner
    settings: OidcSettings
    id_tokens: IdTokens
    subjects: Subjects
    apis: Apis

    def person(self, subject: str) -> str:
        """Return the person whom the client knows by a sub, NOBODY when it knows none by it.

        A public id in its place must not do: it would tell whose pairwise id belongs to it.
        """
        if not self.settings.sector:
            return subject
        return self.subjects.whose(subject, qualifier=_qualifier(self.settings)) or NOBODY


def _qualifier(settings: OidcSettings) -> str:
    # No SAML entity id looks like this, so no SAML partner shares these ids.
    return f"sector:{settings.sector}" if settings.sector else ""


def begun(given: Given) -> SignInRequest:
    """Return what an answer needs, as far as it can be read, so that even errors are answered right."""
    sent, echo = given.parameters, {}
    if "state" not in sent.repeated and 0 < len(sent.get("state")) <= _LIMITS["state"]:
        echo["state"] = sent.get("state")
    if "response_mode" not in sent.repeated and _can_post(given) and sent.get("response_mode") in MODES:
        echo["mode"] = sent.get("response_mode")
    return SignInRequest(
        door="oidc",
        issuer=given.partner.issuer,
        partner=given.partner.id,
        reply_to=sent.get("redirect_uri"),
        subject=SubjectForm.PAIRWISE if given.settings.sector else SubjectForm.PUBLIC,
        subject_qualifier=_qualifier(given.settings),
        echo=echo,
    )


def _can_post(given: Given) -> bool:
    return given.parameters.get("redirect_uri").startswith(("https://", "http://"))


def _noted(request: SignInRequest, name: str, value: str) -> SignInRequest:
    return replace(request, echo={**request.echo, name: value}) if value else request


# The checks, in order -------------------------------------------------------------------------
def _pushed_if_required(given: Given, request: SignInRequest) -> SignInRequest:
    if given.settings.require_pushed and not given.pushed:
        raise invalid_request("This client must push its requests (PAR).")
    return request


def _nothing_twice(given: Given, request: SignInRequest) -> SignInRequest:
    if given.parameters.repeated:
        raise invalid_request("A parameter was sent more than once.")
    return request


def _nothing_too_long(given: Given, request: SignInRequest) -> SignInRequest:
    for name, longest in _LIMITS.items():
        if len(given.parameters.get(name)) > longest:
            raise invalid_request(f"The parameter {name} is too long.")
    return request


def _nothing_unsupported(given: Given, request: SignInRequest) -> SignInRequest:
    for name, error in _NOT_SUPPORTED.items():
        if given.parameters.get(name):
            raise OAuthError(error, f"The parameter {name} is not supported.")
    return request


def _response_type(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = given.parameters.get("response_type")
    if not wanted:
        raise invalid_request("The parameter response_type is missing.")
    if wanted != "code":
        raise OAuthError("unsupported_response_type", "Only the response type code is supported.")
    return request


def _response_mode(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = given.parameters.get("response_mode")
    if wanted and wanted not in MODES:
        raise invalid_request("The response mode must be query or form_post.")
    if wanted == "form_post" and not _can_post(given):
        raise invalid_request("Only a web address can take a form_post response.")
    return request


def _scope(given: Given, request: SignInRequest) -> SignInRequest:
    # Scopes that mean nothing here are passed over (OIDC core 3.1.2.1); the token answer says
    # which were granted.
    wanted = given.parameters.get("scope").split(" ")
    if "openid" not in wanted:
        raise OAuthError("invalid_scope", "The scope must contain openid.")
    known = (*SCOPES, *given.settings.api_scopes)
    return _noted(request, "scope", " ".join(scope for scope in known if scope in wanted))


def _resource(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = given.parameters.get("resource")
    if wanted:
        # Raises the error of RFC 8707 unless it is one of the client's.
        given.apis.named(given.settings, wanted)
    return _noted(request, "resource", wanted)


def _offline(given: Given, request: SignInRequest) -> SignInRequest:
    # Whoever may not have it is not told so by an error but by the scope (OIDC core 11).
    if OFFLINE not in given.parameters.get("scope").split(" ") or not given.settings.refresh:
        return request
    request = _noted(request, "scope", f"{request.echo['scope']} {OFFLINE}")
    return replace(request, offline=True)


def _pkce(given: Given, request: SignInRequest) -> SignInRequest:
    challenge = given.parameters.get("code_challenge")
    method = given.parameters.get("code_challenge_method")
    if not challenge and not method:
        return _without_pkce(given, request)
    if method != "S256":
        # No method means plain (RFC 7636 section 4.3), which protects nothing.
        raise invalid_request("The code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise invalid_request("The code_challenge must be the base64url of a SHA-256.")
    return _noted(request, "challenge", challenge)


def _without_pkce(given: Given, request: SignInRequest) -> SignInRequest:
    if given.settings.require_pkce or given.settings.public:
        raise invalid_request("A code_challenge is required (PKCE).")
    if not given.parameters.get("nonce"):
        # One of the two must keep an injected code from being used (RFC 9700 section 2.1.1).
        raise invalid_request("A code_challenge or a nonce is required.")
    return request


def _prompt(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = set(given.parameters.get("prompt").split())
    if not wanted.issubset(PROMPTS):
        raise invalid_request("The prompt holds an unknown value.")
    if "none" in wanted and len(wanted) > 1:
        raise invalid_request("The prompt none excludes the others.")
    return replace(
        request,
        silent="none" in wanted,
        force="login" in wanted,
        confirm=tuple(question for prompt, question in _QUESTIONS.items() if prompt in wanted),
    )


def _max_age(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = given.parameters.get("max_age")
    if not wanted:
        return request
    if not _SECONDS.fullmatch(wanted):
        raise invalid_request("The max_age must be a number of seconds.")
    return replace(request, max_age=int(wanted))


def _acr_values(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = given.parameters.get("acr_values")
    return replace(_noted(request, "acr", wanted), strength=contexts.demanded(wanted))


def _claims(given: Given, request: SignInRequest) -> SignInRequest:
    text = given.parameters.get("claims")
    if not text:
        return request
    asked = wanted.read(text)
    request = _noted(request, "claims", wanted.to_echo(asked))
    if "acr" in asked.id_token:
        request = _acr_claim(asked.id_token["acr"], request)
    for member in (asked.id_token.get("sub"), asked.userinfo.get("sub")):
        if member is not None and len(member.values) == 1:
            request = _about(given, request, member.values[0])
    return request


def _about(given: Given, request: SignInRequest, subject: str) -> SignInRequest:
    """Let the answer be about this person or nobody (core 3.1.2.1 and 5.5.1)."""
    person = given.person(subject)
    if request.expected_person not in ("", person):
        raise invalid_request("The request names two different people.")
    return replace(request, expected_person=person)


def _acr_claim(acr: Member, request: SignInRequest) -> SignInRequest:
    """Take what the acr claim asks for like acr_values; an essential one is insisted on (5.5.1.1)."""
    preferred = " ".join(value for value in acr.values if " " not in value)
    demanded = contexts.demanded(preferred)
    if acr.essential and acr.values and demanded is None:
        raise OAuthError("unmet_authentication_requirements", "The requested acr can not be reached here.")
    request = _noted(request, "acr", f"{preferred} {request.echo.get('acr', '')}".strip())
    if acr.essential:
        request = _noted(request, "essential_acr", preferred)
    return request if demanded is None else replace(request, strength=demanded)


def _consent(given: Given, request: SignInRequest) -> SignInRequest:
    # What works while the person is away takes their own yes, whoever vouches (core 11).
    if not (given.settings.ask_consent or request.offline or "consent" in request.confirm):
        return request
    asked = wanted.from_echo(request.echo)
    claims = covering([*asked.id_token, *asked.userinfo])
    return replace(request, consent=tuple(dict.fromkeys([*request.echo["scope"].split(" "), *claims])))


def _login_hint(given: Given, request: SignInRequest) -> SignInRequest:
    hint = given.parameters.get("login_hint")
    return replace(request, hint=hint) if len(hint) <= _LONGEST_HINT and hint.isprintable() else request


def _id_token_hint(given: Given, request: SignInRequest) -> SignInRequest:
    token = given.parameters.get("id_token_hint")
    if not token:
        return request
    hint = given.id_tokens.read(token)
    if hint is None or hint.partner.id != given.partner.id:
        raise invalid_request("The id_token_hint is not an ID token issued to this client.")
    return _about(given, request, hint.subject)


def _nonce(given: Given, request: SignInRequest) -> SignInRequest:
    return _noted(request, "nonce", given.parameters.get("nonce"))


def _ui_locales(given: Given, request: SignInRequest) -> SignInRequest:
    wanted = given.parameters.get("ui_locales")
    return replace(request, locale=wanted) if _LANGUAGES.fullmatch(wanted) else request


Check = Callable[[Given, SignInRequest], SignInRequest]
CHECKS: tuple[Check, ...] = (
    _pushed_if_required,
    _nothing_twice,
    _nothing_too_long,
    _nothing_unsupported,
    _response_type,
    _response_mode,
    _scope,
    _resource,
    _pkce,
    _prompt,
    _offline,
    _max_age,
    _acr_values,
    _claims,
    _consent,
    _login_hint,
    _id_token_hint,
    _nonce,
    _ui_locales,
)
