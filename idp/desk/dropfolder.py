"""Follow the files in the drop folder: one that appears, changes or goes is acted on by itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.model import Actor, Partner
from idp.desk.rights import need_owner
from idp.desk.watching import Published, Watching, looked, pace
from idp.partners.documents import LIMIT, open_document
from idp.partners.metadata import read_entity
from idp.partners.sources import Kind, MetadataSource, MetadataSources
from idp.store import Unit

MOST_FILES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFolder:
    """Partners' metadata as files; whoever may write here may say which applications are trusted."""

    folder: Path
    watching: Watching

    def look(self, *, actor: Actor) -> None:
        """Bring in what is new or changed, and flag what is gone or can't be used."""
        need_owner(actor)
        # A farm's other machines may not have the folder: its files are not gone for that.
        if not self.folder.is_dir():
            return
        with self.watching.store.read() as connection:
            known = {source.place: source for source in MetadataSources.files(connection)}
        present = self._names()
        for name in present:
            self._look_at(known.get(name) or self._new(name), actor)
        for name in sorted(known.keys() - set(present)):
            self._gone(known[name], actor)

    def _names(self) -> list[str]:
        with os.scandir(self.folder) as entries:
            names = (each.name for each in entries if each.name.endswith(".xml") and each.name[0] != ".")
            return sorted(map(_writable, names))[:MOST_FILES]

    def _new(self, name: str) -> MetadataSource:
        now = self.watching.clock.now()
        return MetadataSource(id=new_id(), partner="", kind=Kind.FILE, place=name, due_at=now)

    def _look_at(self, source: MetadataSource, actor: Actor) -> None:
        try:
            published = self._read(source)
        except Refused as refused:
            self._failed(source, refused, actor)
            return
        if published is None:
            return
        if source.partner:
            self.watching.judge(source, published, actor=actor)
        else:
            self._first(source, published, actor)

    def _first(self, source: MetadataSource, published: Published, actor: Actor) -> None:
        now = self.watching.clock.now()
        try:
            document = open_document(published.data, now=now)
            read = read_entity(document, now=now)
            with self.watching.store.write(alone=True) as unit:
                imported = self.watching.partners.adopt(unit, read, actor=actor)
                _check_free(unit, imported.partner)
                seen = replace(
                    source,
                    partner=imported.partner.id,
                    modified=published.modified,
                    digest=published.digest,
                    pace=pace(document),
                    valid_until=document.valid_until,
                )
                MetadataSources.save(unit, looked(seen, now), actor=actor, at=now)
        except Refused as refused:
            self._failed(replace(source, modified=published.modified), refused, actor)

    def _failed(self, source: MetadataSource, refused: Refused, actor: Actor) -> None:
        if source.error != refused.public:
            self.watching.failed(source, refused, actor=actor)

    def _gone(self, source: MetadataSource, actor: Actor) -> None:
        if source.partner:
            gone = Refused("The file is gone. The application stays as it is until it is removed.")
            self._failed(replace(source, modified=""), gone, actor)
            return
        with self.watching.store.write(alone=True) as unit:
            MetadataSources.remove(unit, source, actor=actor, at=self.watching.clock.now())

    def _read(self, source: MetadataSource) -> Published | None:
        """Return a file's content, None when it was seen already. Raises Refused."""
        try:
            with _opened(self.folder, source.place) as file:
                version = _version(file)
                again = source.error and source.due_at <= self.watching.clock.now()
                if version == source.modified and not again:
                    return None
                data = file.read(LIMIT + 1)
        except (OSError, RuntimeError) as error:  # RuntimeError: links that go in a circle
            raise Refused("The file cannot be read.", detail=str(error)) from error
        if len(data) > LIMIT:
            raise Refused("The file is too large to be the metadata of one application.")
        return Published(data=data, modified=version)


def _writable(name: str) -> str:
    """Return a file's name with what is no UTF-8 escaped: it is told as unreadable then, not stored raw."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _check_free(unit: Unit, partner: Partner) -> None:
    if MetadataSources.of(unit.connection, partner.id) is not None:
        raise Refused("This application's metadata comes from another place already.")


@contextmanager
def _opened(folder: Path, name: str) -> Iterator[BinaryIO]:
    # Links within the folder are fine (container platforms mount files so); one that leads out
    # would have us read, and quote in errors, what the writer may not.
    path = (folder / name).resolve(strict=True)
    if not path.is_relative_to(folder.resolve()):
        raise Refused("The file is a link that leads out of the folder.")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused("This is no regular file.")
        yield file


def _version(file: BinaryIO) -> str:
    facts = os.fstat(file.fileno())
    return f"{facts.st_ino}-{facts.st_size}-{facts.st_mtime_ns}"
