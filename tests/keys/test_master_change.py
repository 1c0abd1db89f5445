"""A new master key: everything is sealed anew while the service runs, and nothing is lost whatever dies."""

from __future__ import annotations

import multiprocessing
import secrets
import stat
import time

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.keys import (
    LOOK_EVERY,
    MasterChange,
    MasterFile,
    MasterKey,
    MasterKeys,
    Sealer,
    check_master,
    remember_master,
    renew_master,
    reseal,
)
from idp.keys.master_file import former_of, next_of
from idp.store import open_store, revision, schema
from idp.store.columns import SEALED_AS
from tests.clock import TestClock

pytestmark = pytest.mark.backends

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
BOTH = Sealer(MasterKeys((NEW, OLD)))
WHO = Actor(kind="cli", id="test")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "keys" / "master.key"
    path.parent.mkdir()
    MasterKey.load_or_create(path)
    return path


def fill(store, sealer: Sealer, count: int) -> dict[str, bytes]:
    """Register methods with secrets; return these by id."""
    made = {f"method-{number:05}": secrets.token_bytes(20) for number in range(count)}
    rows = [
        {
            "id": which,
            "person": "p",
            "factor": "totp",
            "label": "",
            "sealed": sealer.seal(secret, purpose="method", context=which),
            "counter": 0,
            "data": {},
            "created_at": TestClock().now(),
        }
        for which, secret in made.items()
    ]
    with store.write(alone=True) as unit:
        unit.execute(sa.insert(schema.methods), rows)
        remember_master(unit, sealer)
    return made


def opened(store, sealer: Sealer) -> dict[str, bytes]:
    with store.read() as connection:
        rows = connection.execute(sa.select(schema.methods.c.id, schema.methods.c.sealed)).all()
    return {row.id: sealer.open(row.sealed, purpose="method", context=row.id) for row in rows}


def test_everything_is_sealed_anew_and_opens_with_the_new_key_alone(store):
    made = fill(store, Sealer(OLD), 450)
    done = reseal(store, BOTH)
    assert (done.renewed, done.unreadable) == (450, 0)
    assert opened(store, Sealer(NEW)) == made
    with pytest.raises(Refused):
        opened(store, Sealer(OLD))
    assert reseal(store, BOTH).renewed == 0


def test_what_no_key_opens_stays_and_is_counted(store):
    made = fill(store, Sealer(OLD), 3)
    with store.write() as unit:
        other = Sealer(MasterKey(b"x" * 32)).seal(b"", purpose="method", context="method-00001")
        row = schema.methods.c.id == "method-00001"
        unit.execute(sa.update(schema.methods).where(row).values(sealed=other))
    done = reseal(store, BOTH)
    assert (done.renewed, done.unreadable) == (2, 1)
    with store.read() as connection:
        kept = connection.execute(sa.select(schema.methods.c.sealed).where(row)).scalar()
    assert kept == other
    assert len(made) == 3


def test_what_somebody_changes_meanwhile_is_not_overwritten(store):
    fill(store, Sealer(OLD), 2)
    theirs = Sealer(OLD).seal(b"theirs", purpose="method", context="method-00000")

    class Slow(Sealer):
        """Gives somebody else the time to register anew."""

        def renewed(self, sealed: bytes, *, purpose: str, context: str) -> bytes | None:
            with store.write() as unit:
                row = schema.methods.c.id == "method-00000"
                unit.execute(sa.update(schema.methods).where(row).values(sealed=theirs))
            return super().renewed(sealed, purpose=purpose, context=context)

    assert reseal(store, Slow(MasterKeys((NEW, OLD)))).renewed == 1
    assert opened(store, BOTH)["method-00000"] == b"theirs"


def test_every_sealed_column_says_how_it_is_sealed():
    """Else a new master key would pass it over, and its secrets were lost with the old one."""
    binary = {
        f"{table.name}.{column.name}"
        for table in schema.metadata.tables.values()
        for column in table.c
        if isinstance(column.type, sa.LargeBinary) and SEALED_AS not in column.info
    }
    assert binary == {"sources.held"}  # metadata as it was published


def test_the_check_follows_and_caches_are_told(store, clock):
    fill(store, Sealer(OLD), 1)
    with store.read() as connection:
        before = revision(connection)
    with store.write(alone=True) as unit:
        assert renew_master(unit, BOTH, actor=WHO, at=clock.now()) is True
        assert renew_master(unit, BOTH, actor=WHO, at=clock.now()) is False
    with store.read() as connection:
        check_master(connection, Sealer(NEW))
        assert revision(connection) == before + 1
        with pytest.raises(Refused):
            check_master(connection, Sealer(OLD))


def test_a_running_process_opens_with_the_next_key_and_then_seals_with_it(path):
    running = Sealer(MasterFile(path))
    change = MasterChange(path)
    new = Sealer(MasterKeys(change.keys().keys[:1]))
    # Sealed by the one who changes the key, before this process looked.
    sealed = new.seal(b"secret", purpose="p", context="c")
    assert running.open(sealed, purpose="p", context="c") == b"secret"
    with pytest.raises(Refused):
        new.open(running.seal(b"mine", purpose="p", context="c"), purpose="p", context="c")
    change.swap()
    time.sleep(LOOK_EVERY + 0.1)
    assert new.open(running.seal(b"mine", purpose="p", context="c"), purpose="p", context="c") == b"mine"


def test_the_change_can_be_taken_up_anywhere(path):
    old = MasterKey.load(path)
    new, before = MasterChange(path).keys().keys
    assert before == old
    assert MasterChange(path).keys().keys == (new, old), "the next key is made once"
    assert stat.S_IMODE(next_of(path).stat().st_mode) == 0o600
    # Killed within the swap: the former name is there, the next key not yet in place.
    former_of(path).hardlink_to(path)
    assert MasterChange(path).keys().keys == (new, old)
    MasterChange(path).swap()
    assert MasterKey.load(path) == new
    assert MasterKey.load(former_of(path)) == old
    assert MasterChange(path).done
    assert MasterChange(path).keys().keys == (new, old), "no third key while the former is there"


def test_no_key_is_lost_to_a_change_before(path):
    MasterChange(path).keys()
    MasterChange(path).swap()
    MasterKey.load_or_create(next_of(path))
    with pytest.raises(Refused, match="move it away"):
        MasterChange(path).keys()


def test_killed_again_and_again_it_loses_nothing(store, database, path):
    made = fill(store, Sealer(MasterFile(path)), 1500)
    old = Sealer(MasterKey.load(path))
    context = multiprocessing.get_context("forkserver")
    kills, tenths = 0, [*range(0, 20, 2), 600]  # the last one may take all the time it needs
    for lives in tenths:
        process = context.Process(target=rotate, args=(database, path), daemon=True)
        process.start()
        process.join(lives / 10)
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        # What a server that starts now would read.
        assert opened(store, Sealer(MasterFile(path))) == made
        if process.exitcode == 0:
            break
    assert kills > 0
    assert MasterChange(path).done
    assert opened(store, Sealer(MasterKey.load(path))) == made
    with pytest.raises(Refused):
        opened(store, old)


def rotate(database, path) -> None:
    store, change = open_store(database), MasterChange(path)
    sealer = Sealer(change.keys())
    done = change.done
    reseal(store, sealer)
    with store.write(alone=True) as unit:
        renew_master(unit, sealer, actor=WHO, at=TestClock().now())
    if not done:
        change.swap()
