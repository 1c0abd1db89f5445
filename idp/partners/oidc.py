"""What an OpenID Connect application registered: its addresses, its secret, how it is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import fingerprint, same
from idp.core.model import Partner
from idp.partners.jwks import Jwk

ID_TOKEN_ALGS = ("RS256", "ES256")
CONFIDENTIAL = ("client_secret_basic", "client_secret_post")
BY_KEY = ("private_key_jwt",)
PUBLIC = ("none",)

# Secrets are kept as a plain SHA-256 (no slow hash at every token request), which is safe only
# for long random ones: ours have 256 bits, imported ones must at least be this long.
SHORTEST_SECRET = 12
LONGEST_ADDRESS = 2000

# RFC 3986's characters and nothing else: no spaces, control characters, backslashes, quotes or
# non-ASCII look-alikes, which browsers and libraries read differently.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)")
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_PERSON_ID = re.compile(r"i[0-9a-f]{40}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")  # RFC 6749 section 3.3
# Theirs is the protocol's meaning, at userinfo (OIDC core 5.4 and 11).
RESERVED_SCOPES = frozenset({"openid", "profile", "email", "phone", "address", "groups", "offline_access"})
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """The OpenID Connect part of a partner: an application, a machine, or an API they call.

    A client shows who it is by a secret, by the keys in jwks, or by those that it publishes at
    jwks_uri; one with nothing of these is public. refresh: it may have refresh tokens.
    machine: it may have tokens of its own (client_credentials). may_call holds, by the client
    id of an API, the scopes that this client may ask for. resource is set on an API: the
    address that its tokens are for (RFC 8707); access_token_alg "" then means opaque ones.
    require_pushed: its requests must have been pushed (RFC 9126).

    ask_consent: people are asked before it learns anything about them; without it the
    administrator has agreed for everybody. sector is the host whose clients know a person by one
    id that no others know (OIDC core 8.1); "" for the id that is the same for all clients.

    The logout addresses are "" when the client has none: a server is posted to behind the
    browser's back, a page is loaded in a frame of the browser that signs out.
    """

    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    secret_hash: str = ""
    auth_methods: tuple[str, ...] = PUBLIC
    id_token_alg: str = "RS256"  # noqa: S105 - an algorithm, no password
    require_pkce: bool = True
    backchannel_logout_uri: str = ""
    frontchannel_logout_uri: str = ""
    sector: str = ""
    jwks: tuple[Jwk, ...] = ()
    jwks_uri: str = ""
    refresh: bool = False
    machine: bool = False
    may_call: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resource: str = ""
    scopes: tuple[str, ...] = ()
    access_token_alg: str = ""
    ask_consent: bool = False
    require_pushed: bool = False

    @property
    def public(self) -> bool:
        """Say whether the client keeps no secret."""
        return not (self.secret_hash or self.jwks or self.jwks_uri)

    @property
    def api_scopes(self) -> tuple[str, ...]:
        """Return the scopes of all APIs that the client may call."""
        return tuple(dict.fromkeys(scope for scopes in self.may_call.values() for scope in scopes))

    def redirects_to(self, given: str) -> bool:
        """Say whether answers may go to this address."""
        return any(matches(registered, given) for registered in self.redirect_uris)

    def has_secret(self, given: str) -> bool:
        """Compare a secret in constant time; an empty one, or a public client's, is never right."""
        return bool(self.secret_hash and given) and same(fingerprint(given), self.secret_hash)


def oidc_settings(partner: Partner) -> OidcSettings:
    """Return the settings of a partner of this door (building them takes a few microseconds)."""
    return codec.build(OidcSettings, partner.settings)


def register(
    *,
    redirect_uris: Sequence[str] = (),
    post_logout_redirect_uris: Sequence[str] = (),
    secret: str = "",
    jwks: Sequence[Jwk] = (),
    jwks_uri: str = "",
    id_token_alg: str = "RS256",  # noqa: S107 - an algorithm, no password
    require_pkce: bool = True,
    backchannel_logout_uri: str = "",
    frontchannel_logout_uri: str = "",
    sector: str = "",
    refresh: bool = False,
    machine: bool = False,
    may_call: Mapping[str, Sequence[str]] | None = None,
    ask_consent: bool = False,
    require_pushed: bool = False,
) -> OidcSettings:
    """Return checked settings for a new client; without secret and keys it is public. Raises Refused."""
    for address in (*redirect_uris, *post_logout_redirect_uris):
        check_address(address)
    if id_token_alg not in ID_TOKEN_ALGS:
        raise Refused("ID tokens can be signed with RS256 or ES256.")
    settings = OidcSettings(
        redirect_uris=tuple(redirect_uris),
        post_logout_redirect_uris=tuple(post_logout_redirect_uris),
        id_token_alg=id_token_alg,
        require_pkce=require_pkce,
        backchannel_logout_uri=backchannel_logout_uri,
        frontchannel_logout_uri=frontchannel_logout_uri,
        sector=sector,
        refresh=refresh,
        machine=machine,
        may_call={api: tuple(dict.fromkeys(scopes)) for api, scopes in (may_call or {}).items()},
        **_credentials(secret, jwks, jwks_uri),
        ask_consent=ask_consent,
        require_pushed=require_pushed,
    )
    check_use(settings)
    return settings


def register_api(
    resource: str,
    *,
    scopes: Sequence[str],
    secret: str = "",
    jwks: Sequence[Jwk] = (),
    jwks_uri: str = "",
    access_token_alg: str = "",
) -> OidcSettings:
    """Return checked settings for an API, which asks us about the tokens it is shown. Raises Refused."""
    _check_resource(resource)
    check_scopes(scopes)
    if access_token_alg not in {"", *ID_TOKEN_ALGS}:
        raise Refused("Access tokens can be opaque, or signed with RS256 or ES256.")
    settings = OidcSettings(
        resource=resource,
        scopes=tuple(dict.fromkeys(scopes)),
        access_token_alg=access_token_alg,
        **_credentials(secret, jwks, jwks_uri),
    )
    check_use(settings)
    return settings


def by_key(settings: OidcSettings, *, jwks: Sequence[Jwk] = (), jwks_uri: str = "") -> OidcSettings:
    """Return settings of a client that shows who it is by these keys from now on. Raises Refused."""
    if not (jwks or jwks_uri):
        raise Refused("An application that kept a secret or keys can't go on without any.")
    if settings.public:
        raise Refused("A public client has no place to keep a key.")
    return replace(settings, **_credentials("", jwks, jwks_uri))


def check_scopes(scopes: Sequence[str]) -> None:
    """Refuse what can't be scopes of an API (RFC 6749 section 3.3). Raises Refused."""
    if not scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise Refused("An API has scopes, each of 1 to 100 printable ASCII characters without quotes.")
    if not RESERVED_SCOPES.isdisjoint(scopes):
        raise Refused("openid, offline_access and the scopes of userinfo can't be scopes of an API.")


def _credentials(secret: str, jwks: Sequence[Jwk], jwks_uri: str) -> dict[str, Any]:
    if [bool(secret), bool(jwks), bool(jwks_uri)].count(True) > 1:
        # One of them would be the weaker one.
        raise Refused("A client has either a secret or keys, in one place.")
    if secret and len(secret) < SHORTEST_SECRET:
        raise Refused("The client secret is too short: use at least 12 random characters.")
    if jwks_uri and not _protected(jwks_uri):
        # Whoever sits between could put keys of their own there.
        raise Refused(
            "Keys are published at an address that starts with https (or with http on this machine)."
        )
    return {
        "secret_hash": fingerprint(secret) if secret else "",
        "jwks": tuple(jwks),
        "jwks_uri": jwks_uri,
        "auth_methods": CONFIDENTIAL if secret else BY_KEY if jwks or jwks_uri else PUBLIC,
    }


def check_use(settings: OidcSettings) -> None:
    """Refuse settings of which nothing good could come. Raises Refused."""
    if settings.resource:
        if settings.public:
            raise Refused("An API needs a secret or keys to ask about tokens with.")
        return
    if not settings.redirect_uris and not settings.machine:
        raise Refused("An application needs at least one redirect URI.")
    if not settings.public and None in map(_origin, settings.redirect_uris):
        # Any app on the device may take it over (RFC 8252 8.5 and 8.6).
        raise Refused("An app's own scheme is for public clients: an app can keep no secret.")
    _check_logout(settings)
    if settings.public and not settings.require_pkce:
        raise Refused("A public client can't do without PKCE.")
    if settings.machine and settings.public:
        raise Refused("A machine needs a secret or keys: anybody could get its tokens otherwise.")
    if settings.machine and not settings.may_call:
        raise Refused("A machine needs at least one API that it may call.")


def _check_resource(resource: str) -> None:
    """Refuse what names no API: an absolute address without fragment (RFC 8707 section 2)."""
    if len(resource) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(resource) or "#" in resource:
        raise Refused("An API is named by an absolute address without a fragment (#).")


def sector_of(redirect_uris: Sequence[str]) -> str:
    """Return the host that all redirect URIs have, for pairwise ids (OIDC core 8.1). Raises Refused."""
    hosts = {urlsplit(address).hostname if _origin(address) else None for address in redirect_uris}
    host = next(iter(hosts), None)
    if len(hosts) != 1 or host is None:
        raise Refused(
            "Pairwise ids need redirect URIs of one host, or a sector identifier address that lists them all."
        )
    return host


def check_client_id(client_id: str) -> None:
    """Refuse client ids that could not travel, or that look like a person's id. Raises Refused.

    RFC 6749 appendix A.1, RFC 9068 section 5: a machine's token has the client id as its sub.
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise Refused("A client id has 1 to 200 printable ASCII characters without spaces.")
    if _PERSON_ID.fullmatch(client_id):
        raise Refused("A client id can't look like the id of a person.")


def check_address(address: str) -> None:
    """Refuse what must not be registered as a redirect or post-logout address.

    It must be absolute, without fragment, wildcard or user part; http or https with a host,
    or a native app's own scheme, which has a dot (RFC 6749 3.1.2, RFC 8252 7.1). Raises Refused.
    """
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise Refused("A redirect URI must be an absolute address without spaces or special signs.")
    if "#" in address or "*" in address:
        raise Refused("A redirect URI can't have a fragment (#) or a wildcard (*).")
    scheme = address.partition(":")[0].lower()
    if scheme in {"http", "https"}:
        _check_web_address(address)
    elif "." not in scheme:
        # javascript:, data:, vbscript:, blob:, file:, about: ... none of them has a dot.
        raise Refused("A redirect URI starts with https, http, or an app's own scheme with a dot.")


def _check_logout(settings: OidcSettings) -> None:
    """Refuse logout addresses (back-channel logout 2.2, front-channel logout 2). Raises Refused."""
    framed = settings.frontchannel_logout_uri
    for address in filter(None, (settings.backchannel_logout_uri, framed)):
        if not _protected(address):
            raise Refused("A logout address starts with https (or with http on this machine).")
    if framed and _origin(framed) not in map(_origin, settings.redirect_uris):
        # Else a client could have browsers load pages of strangers, with their cookies.
        raise Refused("A front-channel logout address belongs to the host of a redirect URI.")


def _origin(address: str) -> str | None:
    """Return scheme, host and port, None for an app's own scheme."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme in {"http", "https"} else None


def _check_web_address(address: str) -> None:
    if not _has_host(address):
        raise Refused("A redirect URI needs a host name, and a port only from 1 to 65535.")
    if "@" in urlsplit(address).netloc:
        raise Refused("A redirect URI can't have a user name in it.")


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _protected(address: str) -> bool:
    """Say whether this is a web address that nobody on the way can read or change. Raises Refused."""
    check_address(address)
    return _origin(address) is not None and not unprotected(address)


def unprotected(address: str) -> bool:
    """Say whether answers to this address travel readable over a network: worth a warning."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname not in _LOCAL_HOSTS


def matches(registered: str, given: str) -> bool:
    """Compare character by character; only loopback literals may differ in the port.

    A native app learns its port at run time (RFC 8252 section 7.3). `localhost` is a name
    that may resolve to elsewhere (section 8.3), so it does not get that freedom.
    """
    if registered == given:
        return True
    here, there = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(given)
    return (
        here is not None
        and there is not None
        and (here[1], here[3]) == (there[1], there[3])
        and int(there[2] or 80) < 65536
    )
