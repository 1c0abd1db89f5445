"""The key ring: signing keys by set and algorithm, their states, and their turn to sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock, Signer
from idp.keys.make import ALGORITHMS, PublicPart, new_key, self_signed, thumbprint
from idp.keys.seal import Sealer
from idp.keys.signer import LocalSigner
from idp.store import Change, Store, Unit, change, schema
from idp.store.revisioned import Revisioned

# How long a retired key is still published, so that what it signed can be checked.
OVERLAP = timedelta(days=90)
# How long partners may keep what they read of us. Within it some don't know the latest keys yet.
KEY_SET_KEPT = timedelta(minutes=5)
METADATA_KEPT = timedelta(hours=6)
_SIGNING = "signing"
_SEALED_AS = "signing key"


class KeyState(StrEnum):
    """A key's turn: published before it signs, while it signs, and a while after."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


# The one that signs comes first: some partners read only the first key they are shown.
_ORDER = (KeyState.ACTIVE, KeyState.NEXT, KeyState.RETIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What anybody may know of a signing key. certificate is PEM; key the public part."""

    kid: str
    alg: str
    state: KeyState
    certificate: str
    key: PublicPart
    created_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    public: PublicKey
    sealed: bytes = field(repr=False)


_keys = schema.keys.c
_ALL = sa.select(schema.keys).where(_keys.purpose == _SIGNING).order_by(_keys.created_at.desc())
_STATES = sa.select(_keys.kid, _keys.alg, _keys.state).where(
    _keys.purpose == _SIGNING,
    _keys.key_set == sa.bindparam("in_set"),
    _keys.state.in_((KeyState.NEXT, KeyState.ACTIVE)),
)
_ROTATED = sa.select(sa.func.max(_keys.retired_at)).where(
    _keys.purpose == _SIGNING, _keys.key_set == sa.bindparam("in_set")
)
_INSERT = sa.insert(schema.keys)
_MOVE = (
    sa.update(schema.keys)
    .where(_keys.kid == sa.bindparam("which"))
    .values(state=sa.bindparam("to"), retired_at=sa.bindparam("retired"))
)


class KeyRing:
    """Signing keys of every set; a private key is opened once per process, when first needed."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock
        self._held = Revisioned(store, _load)
        self._signers: dict[str, LocalSigner] = {}

    def signer(self, key_set: str, alg: str) -> Signer:
        """Return the signer with the set's active key. Raises Refused when there is none."""
        for kept in self._held.get().get(key_set, ()):
            if kept.public.state is KeyState.ACTIVE and kept.public.alg == alg:
                return self._signer(kept)
        raise Refused("There is no signing key for this.", detail=f"no active {alg} key in {key_set!r}")

    def published(self, key_set: str) -> tuple[PublicKey, ...]:
        """Return the keys that partners are told of: active, next, and lately retired ones."""
        since = self._clock.now() - OVERLAP
        return tuple(
            kept.public
            for kept in self._held.get().get(key_set, ())
            if kept.public.retired_at is None or kept.public.retired_at > since
        )

    def ensure(self, unit: Unit, *, actor: Actor, key_set: str) -> None:
        """Make whatever active and next keys the set lacks, one of each per algorithm."""
        present = {(alg, state) for alg, state in self._turns(unit, key_set)}
        for alg in ALGORITHMS:
            for state in (KeyState.ACTIVE, KeyState.NEXT):
                if (alg, state) not in present:
                    self.make(unit, actor=actor, key_set=key_set, alg=alg, state=state)

    def make(self, unit: Unit, *, actor: Actor, key_set: str, alg: str, state: KeyState) -> PublicKey:
        """Make a key and store it sealed.

        Raises Refused when the set already has a key of this algorithm in this state: one signs, and
        one waits.
        """
        if (alg, state) in self._turns(unit, key_set):
            raise Refused(f"There already is a key of this kind that is {state}.")
        private, now = new_key(alg), self._clock.now()
        public = PublicKey(
            kid=thumbprint(private.public_key()),
            alg=alg,
            state=state,
            certificate=self_signed(private, at=now),
            key=private.public_key(),
            created_at=now,
        )
        data = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row = {
            "kid": public.kid,
            "key_set": key_set,
            "purpose": _SIGNING,
            "alg": alg,
            "state": state,
            "certificate": public.certificate,
            "sealed": self._sealer.seal(data, purpose=_SEALED_AS, context=public.kid),
            "created_at": now,
            "retired_at": None,
        }
        unit.execute(_INSERT, row)
        self._changed(unit, actor, public.kid, None, {"key_set": key_set, "alg": alg, "state": state})
        return public

    def rotate(self, unit: Unit, *, actor: Actor, key_set: str) -> None:
        """Let each algorithm's next key sign from now on, retire the active one, make a new next.

        Partners have known the next key since the last rotation, so nobody is surprised.
        """
        self.ensure(unit, actor=actor, key_set=key_set)
        turns = self._turns(unit, key_set)
        for alg in ALGORITHMS:
            # In this order: a set never has two keys in one turn.
            self._move(unit, actor, key_set, alg, turns[alg, KeyState.ACTIVE], KeyState.RETIRED)
            self._move(unit, actor, key_set, alg, turns[alg, KeyState.NEXT], KeyState.ACTIVE)
            self.make(unit, actor=actor, key_set=key_set, alg=alg, state=KeyState.NEXT)

    @staticmethod
    def rotated_at(unit: Unit, key_set: str) -> datetime | None:
        """Return when the set was last rotated."""
        last: datetime | None = unit.execute(_ROTATED, {"in_set": key_set}).scalar()
        return last

    def _move(self, unit: Unit, actor: Actor, key_set: str, alg: str, kid: str, to: KeyState) -> None:
        was = KeyState.ACTIVE if to is KeyState.RETIRED else KeyState.NEXT
        retired = self._clock.now() if to is KeyState.RETIRED else None
        unit.execute(_MOVE, {"which": kid, "to": to, "retired": retired})
        facts = {"key_set": key_set, "alg": alg}
        self._changed(unit, actor, kid, {**facts, "state": was}, {**facts, "state": to})

    def _changed(
        self,
        unit: Unit,
        actor: Actor,
        kid: str,
        before: Mapping[str, str] | None,
        after: Mapping[str, str],
    ) -> None:
        recorded = Change(noun="key", key=kid, before=before, after=after)
        change(unit, actor=actor, at=self._clock.now(), change=recorded)

    @staticmethod
    def _turns(unit: Unit, key_set: str) -> dict[tuple[str, KeyState], str]:
        rows = unit.execute(_STATES, {"in_set": key_set})
        return {(row.alg, KeyState(row.state)): row.kid for row in rows}

    def _signer(self, kept: _Kept) -> LocalSigner:
        kid = kept.public.kid
        signer = self._signers.get(kid)
        if signer is None:
            data = self._sealer.open(kept.sealed, purpose=_SEALED_AS, context=kid)
            signer = self._signers[kid] = LocalSigner.load(
                data, kid=kid, alg=kept.public.alg, certificate=kept.public.certificate
            )
        return signer


def _load(connection: sa.Connection) -> Mapping[str, tuple[_Kept, ...]]:
    sets: dict[str, list[_Kept]] = {}
    for row in connection.execute(_ALL):
        public = PublicKey(
            kid=row.kid,
            alg=row.alg,
            state=KeyState(row.state),
            certificate=row.certificate,
            key=cast(PublicPart, x509.load_pem_x509_certificate(row.certificate.encode()).public_key()),
            created_at=row.created_at,
            retired_at=row.retired_at,
        )
        sets.setdefault(row.key_set, []).append(_Kept(public, row.sealed))
    return {key_set: tuple(sorted(kept, key=_turn)) for key_set, kept in sets.items()}


def _turn(kept: _Kept) -> tuple[int, int]:
    return _ORDER.index(kept.public.state), ALGORITHMS.index(kept.public.alg)
