"""Write core values as JSON text and read them back, by their declared types."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
_Read = Callable[[Any], Any]


def dump(value: object) -> str:
    """Return a dataclass (or tuple of them) as compact JSON text."""
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)


def load(cls: type[T], text: str) -> T:
    """Return the value of type cls that `dump` wrote. Raises ValueError, KeyError, TypeError."""
    return typing.cast(T, _reader(typing.cast(Any, cls))(json.loads(text)))


def build(cls: type[T], data: object) -> T:
    """Return the value of type cls from what `plain` gave."""
    return typing.cast(T, _reader(typing.cast(Any, cls))(data))


def plain(value: Any) -> Any:
    """Return a value made of dict, list, str, int, bool and None only."""
    if dataclasses.is_dataclass(value):
        return {name: plain(getattr(value, name)) for name in _names(typing.cast(Any, type(value)))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, (frozenset, set)):
        return sorted(plain(item) for item in value)
    return value


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(cls))


@cache
def _reader(cls: Any) -> _Read:
    if dataclasses.is_dataclass(cls):
        return _dataclass_reader(typing.cast(type, cls))
    origin, arguments = typing.get_origin(cls), typing.get_args(cls)
    if origin in (typing.Union, types.UnionType):
        return _optional_reader(arguments)
    if origin in (tuple, frozenset):
        item = _reader(arguments[0])
        return lambda data: origin(item(part) for part in data)
    if origin is not None and issubclass(origin, Mapping):
        value = _reader(arguments[1])
        return lambda data: {key: value(part) for key, part in data.items()}
    if cls is datetime:
        return datetime.fromisoformat
    if isinstance(cls, type) and issubclass(cls, Enum):
        return cls
    return lambda data: data


def _dataclass_reader(cls: type) -> _Read:
    hints = typing.get_type_hints(cls)
    readers = {name: _reader(hints[name]) for name in _names(cls)}

    def read(data: dict[str, Any]) -> Any:
        # A field that an older version did not write takes its default.
        return cls(**{name: readers[name](data[name]) for name in readers if name in data})

    return read


def _optional_reader(arguments: tuple[Any, ...]) -> _Read:
    inner = _reader(next(item for item in arguments if item is not type(None)))
    return lambda data: None if data is None else inner(data)
