"""What `idp doctor` looks at: each check leaves everything as it is and says what to do."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy.exc import DatabaseError

from idp.app.ground import MASTER_KEY, open_master
from idp.channels import deliveries
from idp.channels.carriers import Carriers
from idp.channels.deliveries import Status
from idp.core.clock import SystemClock
from idp.core.errors import CountersignError, Refused, Unavailable
from idp.core.ids import new_id
from idp.core.model import Role
from idp.core.ports import Signer
from idp.directory.people import has_role
from idp.keys import ALGORITHMS, Issuers, KeyRing, KeyState, PublicKey, Sealer, check_master
from idp.partners.registry import Partners
from idp.partners.saml import saml_settings
from idp.settings import Settings, is_loopback
from idp.state import open_state
from idp.store import Store, open_store
from idp.store.schema import audit, changes
from idp.store.upgrade import check, is_new

_SOON = timedelta(days=60)
_ENDS_SOON = timedelta(days=14)
_CLOCKS_DIFFER = timedelta(minutes=1)
_LEAVES_WITHIN = timedelta(minutes=1)
_START = "Start `idp serve` once: it makes what is missing."
_REACH = "See that it runs, that its address and password are right, and that this account may use it."
_LATEST = [sa.select(sa.func.max(table.c.at, type_=table.c.at.type)) for table in (changes, audit)]


class Problem(Refused):
    """Something is wrong, and this is what to do about it."""

    def __init__(self, said: str, todo: str) -> None:
        super().__init__(said)
        self.todo = todo


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; todo is empty when all is well."""

    what: str
    ok: bool
    said: str
    todo: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield a finding per check; what depends on something broken is left out."""
    yield _look("base address", lambda: _base_address(settings))
    folder = _look("data folder", lambda: _data_folder(settings.data))
    yield folder
    if not settings.data.is_dir():
        return
    yield _look("state", lambda: _state(settings))
    key = _look("master key", lambda: _master_key(settings))
    yield key
    with _opened(settings) as store:
        database = _look("database", lambda: _database(store))
        yield database
        if database.ok:
            yield _look("clock", lambda: _clock(store))
            yield _look("owner", lambda: _owner(store))
            yield _look("issuer", lambda: _issuer(settings, store))
            yield _look("weak algorithms", lambda: _weak_algorithms(store))
        if database.ok and key.ok:
            yield _look("signing keys", lambda: _signing_keys(store, Sealer(open_master(settings))))
            yield _look("carriers", lambda: _carriers(store, Sealer(open_master(settings))))


def _look(what: str, check_it: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, ok=True, said=check_it())
    except Problem as problem:
        return Finding(what=what, ok=False, said=problem.public, todo=problem.todo)
    except Unavailable as error:
        return Finding(what=what, ok=False, said=f"It cannot be used: {error.detail}", todo=_REACH)
    except CountersignError as error:
        return Finding(what=what, ok=False, said=error.public)
    except DatabaseError as error:
        todo = "See that the file is a database of ours, and that this account may write to it."
        return Finding(what=what, ok=False, said=f"It cannot be used: {error.orig}.", todo=todo)
    except OSError as error:
        return Finding(what=what, ok=False, said=f"It cannot be used: {error.strerror}.")


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    store = open_store(settings.database)
    try:
        yield store
    finally:
        store.dispose()


# Without the database --------------------------------------------------------------------------
def _base_address(settings: Settings) -> str:
    host, _, _ = settings.listen.rpartition(":")
    public = not is_loopback(host.strip("[]"))
    if settings.base_url.startswith("http://") and public:
        raise Problem(
            f"{settings.base_url} is for this machine only, but the server listens on {settings.listen}.",
            "Set IDP_BASE_URL to the https address that people use, or IDP_BIND to 127.0.0.1:PORT.",
        )
    if settings.base_url.startswith("https://") and public and not settings.trusted_proxies:
        raise Problem(
            "The server listens beyond this machine and no proxy is trusted: "
            "the proxy that ends https would count as everybody's address.",
            "Set IDP_TRUSTED_PROXIES to the proxy's address.",
        )
    return settings.base_url


def _data_folder(folder: Path) -> str:
    if not folder.is_dir():
        raise Problem(f"{folder} does not exist.", f"{_START} Or set IDP_DATA to the folder meant.")
    if stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise Problem(f"Others on this machine can look into {folder}.", f"Run: chmod 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Problem(f"This account cannot write to {folder}.", "Run as the account that owns it.")
    return str(folder)


def _state(settings: Settings) -> str:
    state = open_state(settings.state_url, data=settings.data, clock=SystemClock())
    key, value = "doctor:" + new_id(), new_id()
    state.put(key, value, timedelta(minutes=1))
    if state.pop(key) != value:
        raise Problem("What is put into the state does not come back.", "See that its disk is not full.")
    return "What is put in comes back."


def _master_key(settings: Settings) -> str:
    path = settings.data / MASTER_KEY
    if settings.master_key is None and not path.exists():
        raise Problem(
            f"{path} does not exist.",
            "Put the original back, from a backup. If this installation never ran: start `idp serve`.",
        )
    open_master(settings)
    return "From IDP_MASTER_KEY." if settings.master_key else f"{path}, only for us."


# With it ----------------------------------------------------------------------------------------
def _database(store: Store) -> str:
    file = store.engine.url.database or ""
    # Opening would make an empty one.
    if store.engine.dialect.name == "sqlite" and not Path(file).exists():
        raise Problem(f"{file} does not exist.", f"{_START} Or set IDP_DATABASE_URL to the one meant.")
    if is_new(store):
        raise Problem("The database is empty.", _START)
    return f"Schema {check(store)}."


def _clock(store: Store) -> str:
    now = SystemClock().now()
    with store.read() as connection:
        latest = [connection.execute(query).scalar() for query in _LATEST]
    last: datetime = max((at for at in latest if at is not None), default=now)
    if last > now + _CLOCKS_DIFFER:
        raise Problem(
            f"It says {now:%Y-%m-%d %H:%M} UTC, but something was recorded at {last:%Y-%m-%d %H:%M}.",
            "Set the machine's clock and keep it set (NTP): codes and answers depend on it.",
        )
    return f"{now:%Y-%m-%d %H:%M:%S} UTC; it should agree with your watch to the second."


def _owner(store: Store) -> str:
    with store.read() as connection:
        if not has_role(connection, Role.OWNER):
            raise Problem("Nobody owns this installation.", "Run: idp person add NAME --owner")
    return "There is one."


def _issuer(settings: Settings, store: Store) -> str:
    issuer = Issuers(store).default()
    if issuer.base_url != settings.base_url:
        raise Problem(
            f"Applications know it as {issuer.base_url}, the settings say {settings.base_url}.",
            "Set IDP_BASE_URL back, or start `idp serve` to move, and give applications the new metadata.",
        )
    return f"SAML entity id {issuer.entity_id}, OpenID Connect issuer {issuer.oidc}"


def _signing_keys(store: Store, sealer: Sealer) -> str:
    with store.read() as connection:
        check_master(connection, sealer)
    key_set = Issuers(store).default().key_set
    ring = KeyRing(store, sealer, SystemClock())
    for alg in ALGORITHMS:
        active = [k for k in ring.published(key_set) if k.alg == alg and k.state is KeyState.ACTIVE]
        if not active:
            raise Problem(f"No {alg} key signs.", _START)
        _check_key(active[0], ring.signer(key_set, alg))
    return f"One each signs {' and '.join(ALGORITHMS)}; {len(ring.published(key_set))} are published."


def _weak_algorithms(store: Store) -> str:
    now = SystemClock().now()
    with store.read() as connection:
        partners = list(Partners.listing(connection, "saml"))
    allowed = [
        (each.until, f"{each.what.value.upper()} for {partner.name} until {each.until:%Y-%m-%d}")
        for partner in partners
        for each in saml_settings(partner).tolerated
        if each.until > now
    ]
    ending = [said for until, said in allowed if until - now < _ENDS_SOON]
    if ending:
        raise Problem(
            f"Allowed for a few days more: {'; '.join(ending)}.",
            "Agree with its makers, or move the date with `idp partner set ID --allow`: "
            "afterwards the application is refused.",
        )
    return f"{'; '.join(said for _, said in sorted(allowed))}." if allowed else "None is allowed."


def _carriers(store: Store, sealer: Sealer) -> str:
    ready = Carriers(store, sealer).ready()
    for kind in dict.fromkeys(each.set_up.kind for each in ready):
        _check_way(store, kind)
    if not ready:
        return "None is set up: no text messages and no mail."
    return "; ".join(f"{each.set_up.name} takes {each.set_up.kind}" for each in ready) + "."


def _check_way(store: Store, kind: str) -> None:
    with store.read() as connection:
        last = deliveries.latest(connection, kind, before=SystemClock().now() - _LEAVES_WITHIN)
    if last is not None and last.status in {Status.WAITING, Status.FAILED}:
        raise Problem(
            f"The last {kind}, of {last.created_at:%Y-%m-%d %H:%M} UTC, was not taken: "
            f"{last.reason or 'nothing came for it'}.",
            "See that `idp serve` runs, then run: idp channel test NAME NUMBER (or ADDRESS)",
        )


def _check_key(public: PublicKey, signer: Signer) -> None:
    _check_signature(public, signer.sign(public.alg, b"doctor"))
    ends = x509.load_pem_x509_certificate(public.certificate.encode()).not_valid_after_utc
    if ends < SystemClock().now() + _SOON:
        raise Problem(f"The {public.alg} key's certificate ends on {ends:%Y-%m-%d}.", "Run: idp key rotate")


def _check_signature(public: PublicKey, signature: bytes) -> None:
    try:
        if isinstance(public.key, RSAPublicKey):
            public.key.verify(signature, b"doctor", PKCS1v15(), SHA256())
        else:
            half = len(signature) // 2
            r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            public.key.verify(encode_dss_signature(r, s), b"doctor", ECDSA(SHA256()))
    except InvalidSignature as error:
        raise Problem(
            f"The {public.alg} key signs what its certificate does not verify.", "Run: idp key rotate"
        ) from error
