"""Type passwords as many people do at once, from a process of their own, while others are timed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.synchronize import Event
from threading import Thread

from visitor import Visitor

_PATIENCE = 30.0  # seconds for the last of them


@contextmanager
def typing(port: int, names: Sequence[str], browsers: int) -> Iterator[None]:
    """Have so many browsers send right passwords, one after another, until the block ends."""
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    process = context.Process(target=_type, args=(port, list(islice(cycle(names), browsers)), over))
    process.start()
    try:
        yield
        if not process.is_alive():
            raise RuntimeError("nobody types any more")
    finally:
        over.set()
        process.join(_PATIENCE)


def _type(port: int, names: list[str], over: Event) -> None:
    hands = [Thread(target=_type_one, args=(port, name, over)) for name in names]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()


def _type_one(port: int, name: str, over: Event) -> None:
    visitor = Visitor(port)
    while not over.is_set():
        visitor.type_password(name)
