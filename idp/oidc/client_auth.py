"""Find out which client posts to us: by its secret, its key, or, for public ones, by its word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from idp.audit import AuditLog, Entry, Event
from idp.core.ids import fingerprint
from idp.core.model import Partner
from idp.core.ports import Clock
from idp.keys import Issuers
from idp.oidc import assertions, client_request
from idp.oidc.client_request import ClientRequest, Post, Presented
from idp.oidc.errors import OAuthError
from idp.oidc.json_answer import JsonAnswer, refusal
from idp.partners.jwks import Jwk
from idp.partners.jwks_uri import PublishedKeys
from idp.partners.oidc import OidcSettings, oidc_settings
from idp.partners.registry import Partners
from idp.store import Store
from idp.store.counters import count_up, counts, place
from idp.store.once import once

# Wrong ones from one place at one client; then right ones from there are refused too, or a guesser
# would learn which was right. Other places go on: nobody can lock an application out.
_TRIES = 20
_WINDOW = timedelta(minutes=15)
_AUDIENCES = ("/oidc/token", "/oidc/par")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client that showed who it is."""

    partner: Partner
    settings: OidcSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Authenticates clients at every address of ours that programs post to."""

    partners: Partners
    published: PublishedKeys
    issuers: Issuers
    store: Store
    clock: Clock
    audit: AuditLog

    def serve(self, post: Post, work: Callable[[ClientRequest, Client], JsonAnswer]) -> JsonAnswer:
        """Answer what a client posted: with the work's answer, or with the error that it or we raise."""
        try:
            request = client_request.read(post)
            return work(request, self.authenticate(request))
        except OAuthError as error:
            return _refused(error, basic=bool(post.authorization))

    def authenticate(self, request: ClientRequest) -> Client:
        """Return the client that sent a request. Raises OAuthError (RFC 6749 section 2.3).

        Unknown, disabled and wrong ones are told the same.
        """
        presented = request.presented
        named = presented.client_id or assertions.issuer_of(presented.assertion)
        partner = self.partners.find("oidc", named)
        if partner is None or not partner.enabled:
            raise assertions.refused()
        client = Client(partner=partner, settings=oidc_settings(partner))
        counter = f"client:{fingerprint(partner.id + ' ' + place(request.address))}"
        if presented.method not in client.settings.auth_methods:
            self._failed(counter, request, partner)
        if client.settings.public:
            return client
        if self._tries(counter) >= _TRIES or not self._proves(client, presented):
            self._failed(counter, request, partner)
        return client

    def _proves(self, client: Client, presented: Presented) -> bool:
        if presented.method != "private_key_jwt":
            return any(client.settings.has_secret(secret) for secret in presented.secrets)
        issuer = self.issuers.get(client.partner.issuer)
        try:
            key, until = assertions.verify(
                presented.assertion,
                client_id=client.partner.identifier,
                keys=partial(self._keys, client.settings),
                # RFC 7523 section 3 and RFC 9126 section 2.
                audiences=frozenset({issuer.oidc, *(issuer.base_url + path for path in _AUDIENCES)}),
                now=self.clock.now(),
            )
        except OAuthError:
            return False
        with self.store.write() as unit:
            return once(unit, key, until=until)

    def _keys(self, settings: OidcSettings, kid: str) -> tuple[Jwk, ...]:
        return self.published.at(settings.jwks_uri, kid) if settings.jwks_uri else settings.jwks

    def _tries(self, counter: str) -> int:
        with self.store.read() as connection:
            return counts(connection, [counter], now=self.clock.now()).get(counter, 0)

    def _failed(self, counter: str, request: ClientRequest, partner: Partner) -> None:
        """Count and record a client that is not who it says. Raises OAuthError, always.

        What comes once it is refused anyway is neither: a flood must not fill the record.
        """
        now = self.clock.now()
        if self._tries(counter) < _TRIES:
            with self.store.write() as unit:
                tries = count_up(unit, counter, now=now, window=_WINDOW)
                self.audit.record(unit, _entry(request, partner, tries))
        raise assertions.refused()


def _entry(request: ClientRequest, partner: Partner, tries: int) -> Entry:
    return Entry(
        event=Event.CLIENT_REFUSED,
        partner=partner.id,
        verdict="deny",
        reason="locked" if tries >= _TRIES else "wrong",
        correlation=request.correlation,
        detail={"method": request.presented.method},
        address=request.address,
    )


def _refused(error: OAuthError, *, basic: bool) -> JsonAnswer:
    if error.error == "invalid_client" and basic:
        return refusal(error, status=401, headers={"WWW-Authenticate": 'Basic realm="token"'})
    return refusal(error, status=400)
