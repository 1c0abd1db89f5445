"""Be pages that wait: a process that asks for each of them when static/js/waiting.js would."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

_FIRST, _OTHERWISE, _LONGEST = 1.0, 3.0, 15.0  # seconds, as in waiting.js
_PATIENCE = 30.0  # seconds for the process to end
# What a browser's fetch sends.
_HEAD = (
    "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: keep-alive\r\nPragma: no-cache\r\n"
    "Cache-Control: no-cache\r\nAccept: */*\r\nAccept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Site: same-origin\r\nReferer: http://localhost:{port}{place}\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Cookie: {cookies}\r\n\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page by the address of its sign-in, its browser's cookies, and since when it waits (monotonic)."""

    place: str
    cookies: str
    since: float


class Pages:
    """What the process is told, and what it tells."""

    def __init__(self, pipe: Connection, looks: Any) -> None:
        self._pipe = pipe
        self._looks = looks

    def show(self, page: Page) -> None:
        """Have one more page wait."""
        self._pipe.send(page)

    def looks(self) -> int:
        """Return how often all of them have asked so far."""
        return int(self._looks.value)

    def known(self, *, within: float) -> tuple[str, str, float] | None:
        """Return the next page that need not wait any more: place, state and the moment (monotonic)."""
        if not self._pipe.poll(within):
            return None
        told: tuple[str, str, float] = self._pipe.recv()
        return told


@contextmanager
def waiting(port: int) -> Iterator[Pages]:
    """Run the process until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    looks = context.Value("L", 0)
    process = context.Process(target=_run, args=(port, theirs, looks))
    process.start()
    theirs.close()
    try:
        yield Pages(ours, looks)
    finally:
        with suppress(OSError):
            ours.send(None)
        process.join(_PATIENCE)
        if process.is_alive():
            process.terminate()
    if process.exitcode:
        raise RuntimeError("the pages stopped")


# In its process -------------------------------------------------------------------------------
def _run(port: int, pipe: Connection, looks: Any) -> None:
    asyncio.run(_all(port, pipe, looks))


async def _all(port: int, pipe: Connection, looks: Any) -> None:
    loop, come = asyncio.get_running_loop(), asyncio.Queue[Page | None]()

    def receive() -> None:
        page: Page | None = None
        with suppress(EOFError):
            while (page := pipe.recv()) is not None:
                loop.call_soon_threadsafe(come.put_nowait, page)
        loop.call_soon_threadsafe(come.put_nowait, None)

    threading.Thread(target=receive, daemon=True).start()
    tasks = set[asyncio.Task[None]]()
    while (page := await come.get()) is not None:
        tasks.add(asyncio.create_task(_wait(_Browser(port, page), page, pipe, looks)))
    for task in tasks:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    wrong = [one for one in done if isinstance(one, Exception)]
    if wrong:
        raise wrong[0]


async def _wait(browser: _Browser, page: Page, pipe: Connection, looks: Any) -> None:
    """Ask, and ask again when told to, until there is something to know."""
    pause = _FIRST
    while True:
        await asyncio.sleep(pause)
        said = await browser.look()
        looks.value += 1
        if said["state"] != "waiting":
            pipe.send((page.place, said["state"], time.monotonic()))
            return
        pause = min(said.get("again", _OTHERWISE), _LONGEST)


class _Browser:
    """A browser's connection, which is opened anew once the server has closed it."""

    def __init__(self, port: int, page: Page) -> None:
        self._port = port
        path = page.place + "/outcome"
        self._head = _HEAD.format(path=path, port=port, place=page.place, cookies=page.cookies).encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def look(self) -> dict[str, Any]:
        """Return what the server says; one that closed just then is asked once more, as browsers do."""
        for again in (True, False):
            kept = self._streams is not None
            try:
                return await self._asked()
            except (OSError, asyncio.IncompleteReadError):
                self._close()
                if not (again and kept):
                    raise
        raise RuntimeError("not reached")

    async def _asked(self) -> dict[str, Any]:
        if self._streams is not None and self._streams[0].at_eof():
            self._close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(self._head)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        body = await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
        if not head.startswith("http/1.1 200"):
            raise RuntimeError(f"{head}{body.decode()[:500]}")
        said: dict[str, Any] = json.loads(body)
        return said

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
