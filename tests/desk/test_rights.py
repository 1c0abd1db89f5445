"""Every verb of every noun refuses whoever has no right to it."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from idp import desk
from idp.core.model import Actor
from idp.desk.consents import ConsentDesk
from idp.desk.keys import KeyDesk
from idp.desk.limits import LimitDesk
from idp.desk.methods import MethodDesk
from idp.desk.partners import PartnerChanges, PartnerDesk
from idp.desk.people import PeopleDesk
from idp.desk.personal import PersonalDesk
from idp.desk.policies import PolicyDesk
from idp.desk.records import RecordDesk
from idp.desk.rights import NotAllowed, need_owner
from idp.desk.sessions import SessionDesk
from idp.desk.sources import SourceDesk
from idp.desk.texts import TextDesk
from idp.desk.watching import Published
from idp.directory.people import NewPerson
from idp.factors.access_pass import PassTerms
from idp.partners.oidc import register
from tests.desk.conftest import NOBODY

_NOUNS = {
    "people": PeopleDesk,
    "consents": ConsentDesk,
    "methods": MethodDesk,
    "partners": PartnerDesk,
    "keys": KeyDesk,
    "policies": PolicyDesk,
    "records": RecordDesk,
    "texts": TextDesk,
    "personal": PersonalDesk,
    "limits": LimitDesk,
    "sources": SourceDesk,
    "sessions": SessionDesk,
}
_ARGUMENTS = {
    "new": NewPerson(name="eve"),
    "password": "secret words",
    "name": "ada",
    "place": "mobile",
    "person": None,
    "method": None,
    "row": None,
    "dry": True,
    "seed": b"0" * 20,
    "sealer": None,
    "method_id": "m",
    "data": b"<x/>",
    "client_id": "wiki",
    "settings": register(redirect_uris=["https://wiki.example/cb"], secret=""),
    "which": "wiki",
    "enabled": True,
    "number": "+1 425 555 0123",
    "address": "https://app.example/metadata",
    "published": Published(data=b"<x/>"),
    "partners": (),
    "unit": None,
    "read": None,
    "changes": PartnerChanges(),
    "redirect_uris": ["https://wiki.example/cb"],
    "terms": PassTerms(),
    "limit": "tries",
    "network": "192.0.2.0/24",
    "reason": "",
    "session": "s",
}
_VERBS = [
    (noun, name)
    for noun, cls in _NOUNS.items()
    for name, _ in inspect.getmembers(cls, inspect.isfunction)
    if not name.startswith("_") and name not in {one.name for one in fields(cls)}
]


def test_there_are_verbs():
    assert len(_VERBS) >= 18


@pytest.mark.parametrize(("noun", "verb"), _VERBS, ids=[".".join(verb) for verb in _VERBS])
def test_a_person_without_a_role_may_do_nothing(desk, noun, verb):
    method = getattr(getattr(desk, noun), verb)
    needed = [
        name
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is inspect.Parameter.empty and name != "actor"
    ]
    arguments = {name: _ARGUMENTS[name] for name in needed}
    with pytest.raises(NotAllowed) as caught:
        method(**arguments, actor=NOBODY)
    assert caught.value.status == 403
    assert desk.log == []


@pytest.mark.parametrize(
    ("actor", "allowed"),
    [
        (Actor(kind="cli", id="root"), True),
        (Actor(kind="system", id="start"), True),
        (Actor(kind="person", id="i", roles=("owner",)), True),
        (Actor(kind="person", id="i", roles=("helpdesk",)), False),
        (Actor(kind="person", id="i"), False),
        (Actor(kind="partner", id="i", roles=("owner",)), False),
        (Actor(kind="", id=""), False),
    ],
)
def test_who_is_an_owner(actor, allowed):
    if allowed:
        need_owner(actor)
    else:
        with pytest.raises(NotAllowed):
            need_owner(actor)


def test_every_verb_that_writes_does_so_alone():
    """What is read and then written back must not overwrite what another administrator did meanwhile."""
    together = [
        f"{path.name}: {line.strip()}"
        for path in sorted(Path(desk.__file__).parent.glob("*.py"))
        for line in path.read_text().splitlines()
        if ".write(" in line and ".write(alone=True)" not in line
    ]
    assert together == []
