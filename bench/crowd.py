"""Type passwords as many people do at once, from a process of their own, while others are timed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.synchronize import Event, Semaphore

from visitor import Visitor

_PATIENCE = 60.0  # seconds for the first and for the last of them


@contextmanager
def typing(port: int, names: Sequence[str], browsers: int) -> Iterator[None]:
    """Have so many browsers send right passwords, one after another, until the block ends.

    It begins once each of them has sent one.
    """
    context = multiprocessing.get_context("spawn")
    typed, over = context.Semaphore(0), context.Event()
    process = context.Process(target=_type, args=(port, list(islice(cycle(names), browsers)), typed, over))
    process.start()
    try:
        for _ in range(browsers):
            if not typed.acquire(timeout=_PATIENCE):
                raise RuntimeError("somebody does not type")
        yield
    finally:
        over.set()
        process.join(_PATIENCE)
    if process.exitcode:
        raise RuntimeError("somebody could not type a password")


def _type(port: int, names: list[str], typed: Semaphore, over: Event) -> None:
    with ThreadPoolExecutor(len(names)) as hands:
        list(hands.map(lambda name: _type_one(port, name, typed, over), names))


def _type_one(port: int, name: str, typed: Semaphore, over: Event) -> None:
    visitor = Visitor(port)
    visitor.type_password(name)
    typed.release()
    while not over.is_set():
        visitor.type_password(name)
