"""Whom a code is of: the sign-in's person, or who is named beside it by somebody who forgot the password."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import SignIn
from idp.directory.local import LocalSource
from idp.directory.people import People, login_key
from idp.factors.codes import WRONG, target_of
from idp.factors.tools import Tools
from idp.methods import Held, Methods
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Finds the methods that a code may be of, for one factor.

    While nobody is known the form has the field `username`. Who is unknown or disabled, and whose password
    is kept elsewhere, is nobody, and nobody costs the same as somebody: reads, decryption, and a target of
    their own for counting tries.
    """

    store: Store
    people: People
    methods: Methods
    factor: str

    @classmethod
    def of(cls, tools: Tools, factor: str) -> Named:
        """Return it, built for a factor."""
        return cls(store=tools.store, people=tools.people, methods=tools.methods, factor=factor)

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return under which key tries are counted: the same as ever for a person, whoever names them."""
        if sign_in.person:
            return target_of(sign_in.person)
        typed = answer.get("username", "")
        with self.store.read() as connection:
            person = self._whose(connection, typed)
        nobodys = "nobody:" + hashlib.sha256(login_key(typed).encode()).hexdigest()
        return target_of(person) if person else nobodys

    def held(self, connection: sa.Connection, sign_in: SignIn, answer: Mapping[str, str]) -> Sequence[Held]:
        """Return the methods with their secrets, at least one: of nobody one that no code fits.

        Of a known person that one which was asked for, if the question was about one. Raises Refused when
        it is gone, or nothing was asked.
        """
        if sign_in.asked is None:
            raise Refused(WRONG)
        person = sign_in.person or self._whose(connection, answer.get("username", ""))
        held = self.methods.held(connection, person, self.factor)
        if not sign_in.asked.method:
            return held
        mine = self.methods.mine(connection, sign_in.asked.method, person=person, factor=self.factor)
        return [one for one in held if one[0].id == mine.id]

    def _whose(self, connection: sa.Connection, typed: str) -> str:
        person = self.people.find(connection, typed)
        mine = person is not None and person.enabled and person.source == LocalSource.name
        return person.id if person is not None and mine else ""
