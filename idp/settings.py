"""Read how the process runs from idp.toml and IDP_* variables, and say clearly what is wrong.

Only the application's wiring and the command line read this; rooms get their own small values.
"""

from __future__ import annotations

import difflib
import os
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from idp.core.errors import Refused

PREFIX = "IDP_"
_CONFIG = "IDP_CONFIG"
_DEFAULT_CONFIG = Path("idp.toml")
_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql+psycopg://"


class SettingsError(Refused):
    """Settings that cannot be used; problems has one sentence for each."""

    exit_code = 2  # wrong usage, for the command line

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def _listed(value: object) -> object:
    # In the environment a list is written with commas; in the file it is a list.
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """How the process runs; everything else is in the database."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    base_url: str = "http://localhost:8000"
    data: Path = Path("var")
    database_url: str = ""
    state_url: str = ""
    bind: str = ""
    workers: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=24, ge=1, le=256)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    outbound_networks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    outbound_ports: Annotated[tuple[_Port, ...], NoDecode, BeforeValidator(_listed)] = (443, 8443)
    outbound_ca: Path | None = None
    log_format: Literal["text", "json"] = "text"
    master_key: SecretStr | None = None
    master_key_other: SecretStr | None = None
    tracing: bool = False
    metrics_token: SecretStr | None = Field(default=None, min_length=16)

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        return _checked_base_url(value)

    @field_validator("data")
    @classmethod
    def _data(cls, value: Path) -> Path:
        try:
            return value.expanduser().absolute()
        except RuntimeError as error:  # what pathlib raises for ~ and a name
            raise ValueError("must be a folder; nobody on this machine has that name after ~") from error

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        return _checked_database_url(value) if value else value

    @field_validator("bind")
    @classmethod
    def _bind(cls, value: str) -> str:
        return checked_bind(value) if value else value

    @field_validator("trusted_proxies", "outbound_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(_network(entry)) for entry in value)

    @field_validator("outbound_ca")
    @classmethod
    def _outbound_ca(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
            except OSError as error:  # also when it holds no certificates
                raise ValueError("must name a file of PEM certificates") from error
        return value

    @field_validator("master_key_other")
    @classmethod
    def _master_key_other(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.data.get("master_key") is None:
            raise ValueError("goes with IDP_MASTER_KEY only; the file's own change needs none")
        return value

    @property
    def database(self) -> str:
        """Return the database's URL: idp.db in the data folder unless another was set."""
        return self.database_url or f"{_SQLITE}{self.data / 'idp.db'}"

    @property
    def counts(self) -> Path:
        """Return the folder where the processes of this machine keep their counts for /metrics."""
        return self.data / "counts"

    @property
    def issuer_name(self) -> str:
        """Return what authenticator apps show beside the account: the host, if it means anything."""
        host = urlsplit(self.base_url).hostname or ""
        return "Countersign" if is_loopback(host) else host

    @property
    def listen(self) -> str:
        """Return where to listen: on this machine only, unless bind says otherwise."""
        parts = urlsplit(self.base_url)
        local = parts.scheme == "http" and parts.port
        return self.bind or f"127.0.0.1:{local or 8000}"


def load_settings() -> Settings:
    """Return the settings of the environment and, weaker, of the file.

    Raises SettingsError, which lists everything that is wrong at once.
    """
    problems = _unknown_variables(os.environ)
    set_outside = {name.upper() for name, value in os.environ.items() if value}
    given = {name: value for name, value in _of_file().items() if PREFIX + name.upper() not in set_outside}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems += [_sentence(one) for one in error.errors()]
        raise SettingsError(problems) from error
    if problems:
        raise SettingsError(problems)
    return settings


def _of_file() -> dict[str, Any]:
    named = os.environ.get(_CONFIG)
    path = Path(named) if named else _DEFAULT_CONFIG
    if not named and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read ({error.strerror})."]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: is not TOML ({error})."]) from error


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {_CONFIG}
    given = sorted(name for name in environment if name.upper().startswith(PREFIX))
    return [_unknown(name, known) for name in given if name.upper() not in known]


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name}: there is no such setting." + (f" Did you mean {near[0]}?" if near else "")


def _sentence(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return _unknown(name, set(Settings.model_fields))
    said = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{name} ({PREFIX}{name.upper()}): {said}."


def _checked_base_url(value: str) -> str:
    parts = urlsplit(value)
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or not value.isascii():
        raise ValueError("must be an address like https://login.example.org")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be only scheme, host and port, without a path")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must start with https:// unless the host is this very machine (localhost)")
    port = parts.port  # raises ValueError, with a readable text, when it is no port
    usual = {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in {None, usual} else "")


def _checked_database_url(value: str) -> str:
    """Return the URL with the driver's name. What is said never quotes it: it may hold a password."""
    if value.startswith(_SQLITE) and value != _SQLITE:
        return value
    scheme, _, rest = value.partition("://")
    # As other programs write it.
    if scheme not in {"postgresql+psycopg", "postgresql", "postgres"}:
        raise ValueError("must be like sqlite:///path/to/idp.db or postgresql://user@host/name")
    try:
        parts = urlsplit(_POSTGRESQL + rest)
        named = parts.path.strip("/") and (parts.port is None or parts.port)
    except ValueError:
        named = False
    if not named:
        raise ValueError("must name host and database, like postgresql://user@host/name")
    return _POSTGRESQL + rest


def is_loopback(host: str) -> bool:
    """Say whether a host name or address never leaves this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def checked_bind(value: str) -> str:
    """Return HOST:PORT as given. Raises ValueError when it is not of that form."""
    host, _, port = value.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare and not host.startswith("[")) or not port.isascii() or not port.isdigit():
        raise ValueError("must be HOST:PORT, like 127.0.0.1:8000 or [::1]:8000")
    if not 0 < int(port) < 65536:
        raise ValueError("must have a port from 1 to 65535")
    return value


def _network(entry: str) -> object:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError("must be addresses or networks like 10.0.0.1 or 10.0.0.0/8") from error
