"""idp demo: run the provider with two demo applications, a phone and demo people, all on this machine."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import click

from idp.channels.carriers import SetUp
from idp.channels.gateway import HttpSettings, Told
from idp.channels.twilio_voice import TwilioVoiceSettings
from idp.cli.children import Children, Program, stop_on_signals
from idp.cli.opening import Office, office
from idp.cli.output import fields, say, table
from idp.core.errors import Refused
from idp.core.ids import new_secret, reference
from idp.core.model import Actor, Role
from idp.directory.people import NewPerson
from idp.factors.totp import base32, new_seed
from idp.partners import oidc
from idp.settings import load_settings

_CLIENT = "wiki"
_PEOPLE = (
    NewPerson(
        name="ada",
        display_name="Ada Lovelace",
        attributes={"mail": ("ada@example.org",), "givenName": ("Ada",), "sn": ("Lovelace",)},
        groups=("staff",),
    ),
    NewPerson(
        name="bob",
        display_name="Bob Noyce",
        attributes={"mail": ("bob@example.org",), "givenName": ("Bob",), "sn": ("Noyce",)},
        groups=("staff",),
    ),
    NewPerson(
        name="joan",
        display_name="Joan Clarke",
        attributes={
            "mail": ("joan@example.org",),
            "givenName": ("Joan",),
            "sn": ("Clarke",),
            "mobile": ("+44 7400123456",),
        },
        groups=("staff",),
    ),
    NewPerson(
        name="grace",
        display_name="Grace Hopper",
        attributes={"mail": ("grace@example.org",), "givenName": ("Grace",), "sn": ("Hopper",)},
        groups=("staff", "administrators"),
        roles=(Role.OWNER.value,),
    ),
)
_HAS_AN_APP = "bob"
_HAS_A_PHONE = "joan"
_GATEWAY, _VOICE = "demo-phone", "demo-calls"
_ACCOUNT = "AC" + "0" * 32
_Show = Callable[..., object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The ports of the provider, of the two applications and the phone, and the addresses that follow."""

    provider_port: int
    expenses_port: int
    wiki_port: int
    phone_port: int

    @property
    def provider(self) -> str:
        """Return the provider's base address: another site than the applications'."""
        return f"http://localhost:{self.provider_port}"

    @property
    def expenses(self) -> str:
        """Return the SAML application's address."""
        return f"http://127.0.0.1:{self.expenses_port}"

    @property
    def wiki(self) -> str:
        """Return the OpenID Connect application's address."""
        return f"http://127.0.0.1:{self.wiki_port}"

    @property
    def phone(self) -> str:
        """Return the phone's address."""
        return f"http://127.0.0.1:{self.phone_port}"


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="The provider's."
)
@click.option("--expenses-port", type=click.IntRange(1, 65535), default=8001, show_default=True)
@click.option("--wiki-port", type=click.IntRange(1, 65535), default=8002, show_default=True)
@click.option("--phone-port", type=click.IntRange(1, 65535), default=8003, show_default=True)
def command(*, port: int, expenses_port: int, wiki_port: int, phone_port: int) -> None:
    """Run the provider with two demo applications, a phone and demo people.

    Everything is kept in the data folder; Ctrl-C stops it all.
    """
    places = Places(
        provider_port=port, expenses_port=expenses_port, wiki_port=wiki_port, phone_port=phone_port
    )
    _check_ports(places)
    # For this process and for `idp serve`, which is started with the same environment.
    os.environ["IDP_BASE_URL"] = places.provider
    memory = _Memory(load_settings().data / "demo")
    stopping = stop_on_signals()
    with office() as desk:
        _settle_people(desk, memory)
        _settle_wiki(desk, memory, places)
        _settle_phone(desk, memory, places)
    with Children(_programs(places, memory), stopping=stopping) as children:
        metadata = children.wait_for(f"{places.expenses}/metadata")
        if metadata is not None:
            _settle_expenses(memory, places, metadata)
        if children.wait_for(f"{places.provider}/readyz") is not None:
            _announce(places, memory)
        children.watch()
    say("Stopped.")


class _Memory:
    """What the demo remembers between starts, in the data folder and for its owner only (0600)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "demo.json"
        self._values: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def get(self, name: str) -> str:
        """Return what is remembered under a name, "" when nothing is."""
        return self._values.get(name, "")

    def keep(self, values: Mapping[str, str]) -> None:
        """Remember more; a crash in the middle leaves the former file."""
        self._values |= values
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self._values, indent=2))
        draft.replace(self._file)


def _check_ports(places: Places) -> None:
    ports = (places.provider_port, places.expenses_port, places.wiki_port, places.phone_port)
    if len(set(ports)) < len(ports):
        raise Refused("The four ports must differ.")
    hosts = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
    taken = [str(port) for port in ports if not all(_free(family, host, port) for family, host in hosts)]
    if taken:
        raise Refused(
            f"Something already listens on port {', '.join(taken)}: "
            "stop it, or choose others with --port, --expenses-port, --wiki-port and --phone-port."
        )


def _free(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            # Else a port that was just let go would look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError as error:
        raise Refused(f"Port {port} is for root only: choose one from 1024 on.") from error
    except OSError as error:
        # Anything else is a machine without IPv6, where nothing can be in the way.
        return error.errno != errno.EADDRINUSE
    return True


def _settle_people(desk: Office, memory: _Memory) -> None:
    for person in _PEOPLE:
        if _there(desk.people.show, person.name, desk.actor):
            continue
        # Remembered first: a crash in between leaves a password too many, not one too few.
        memory.keep({person.name: f"{reference()}-{reference()}"})
        desk.people.add(person, password=memory.get(person.name), actor=desk.actor)
        if person.name == _HAS_AN_APP:
            seed = new_seed()
            memory.keep({"seed": base32(seed)})
            desk.methods.add_totp(person.name, seed=seed, actor=desk.actor)


def _settle_wiki(desk: Office, memory: _Memory, places: Places) -> None:
    there = _there(desk.partners.show, _CLIENT, desk.actor)
    if there and memory.get("wiki") == places.wiki:
        return
    if there:
        # The ports were changed: the same application, registered anew.
        desk.partners.remove(_CLIENT, actor=desk.actor)
    memory.keep({"wiki": places.wiki, "secret": new_secret()})
    settings = oidc.register(
        redirect_uris=[f"{places.wiki}/callback"],
        post_logout_redirect_uris=[f"{places.wiki}/left"],
        secret=memory.get("secret"),
    )
    desk.partners.add_oidc(_CLIENT, settings, name="Wiki", actor=desk.actor)


def _settle_phone(desk: Office, memory: _Memory, places: Places) -> None:
    there = all(_there(desk.channels.show, name, desk.actor) for name in (_GATEWAY, _VOICE))
    if there and memory.get("phone") == places.phone:
        return
    memory.keep({"phone": places.phone, "phone_secret": new_secret()})
    gateway = HttpSettings(
        url=f"{places.phone}/messages",
        headers={"Authorization": "Bearer {secret}"},
        json=json.dumps({"to": "{number}", "text": "{text}", "key": "{key}", "receipt": "{receipt}"}),
        reference="id",
        arrived=Told(path="status", words=("delivered",)),
    )
    # It takes calls as Twilio does.
    voice = TwilioVoiceSettings(account=_ACCOUNT, caller="+14255550100", api=places.phone)
    for name, settings in ((_GATEWAY, gateway), (_VOICE, voice)):
        desk.channels.save(SetUp(name=name, settings=settings), memory.get("phone_secret"), actor=desk.actor)


def _settle_expenses(memory: _Memory, places: Places, metadata: bytes) -> None:
    # Imported only when it changed, so that the history of changes stays readable.
    version = sha256(metadata).hexdigest()
    with office() as desk:
        there = _there(desk.partners.show, f"{places.expenses}/metadata", desk.actor)
        if not there or memory.get("expenses") != version:
            desk.partners.import_metadata(metadata, actor=desk.actor)
            memory.keep({"expenses": version})


def _there(show: _Show, name: str, actor: Actor) -> bool:
    try:
        show(name, actor=actor)
    except Refused:
        return False
    return True


def _programs(places: Places, memory: _Memory) -> list[Program]:
    serve = str(Path(sysconfig.get_path("scripts")) / "idp")
    # pysaml2 imports a cipher mode from its former place, which cryptography warns of.
    python = (sys.executable, "-W", "ignore:CFB has been moved", "-m")
    expenses = (
        *python,
        "idp.demo.saml_app",
        "--port",
        str(places.expenses_port),
        "--data",
        str(memory.folder),
    )
    wiki = (*python, "idp.demo.oidc_app", "--port", str(places.wiki_port), "--client-id", _CLIENT)
    provider = ("--provider", places.provider)
    phone = (*python, "idp.demo.phone", "--port", str(places.phone_port))
    secret = {"WIKI_CLIENT_SECRET": memory.get("secret")}
    gateway = {"PHONE_SECRET": memory.get("phone_secret")}
    return [
        Program(name="idp serve", command=(serve, "serve"), log=memory.folder / "provider.log"),
        Program(name="Expenses", command=(*expenses, *provider), log=memory.folder / "expenses.log"),
        Program(name="Wiki", command=(*wiki, *provider), log=memory.folder / "wiki.log", environment=secret),
        Program(
            name="Phone",
            command=(*phone, *provider),
            log=memory.folder / "phone.log",
            environment=gateway,
        ),
    ]


def _announce(places: Places, memory: _Memory) -> None:
    say("\nCountersign is ready. Open one of the applications; Ctrl-C stops everything.\n")
    fields(
        {
            "Expenses (SAML)": places.expenses,
            "Wiki (OpenID Connect)": places.wiki,
            "Phone (texts, calls)": places.phone,
            "Phone app": f"{places.provider}/authenticator/",
            "Identity provider": places.provider,
            "Logs": memory.folder,
        }
    )
    say("")
    factors = {
        _HAS_AN_APP: f"authenticator app with the key {_fours(memory.get('seed'))}",
        _HAS_A_PHONE: f"text messages and calls, at {places.phone}",
    }
    table(
        ("USER NAME", "PASSWORD", "SECOND FACTOR"),
        [
            (one.name, memory.get(one.name) or "unknown", factors.get(one.name, "set up at first sign-in"))
            for one in _PEOPLE
        ],
    )
    sys.stdout.flush()


def _fours(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
