"""PostgreSQL's own: a server that goes away and comes back, values it does not take, order of commits."""

from __future__ import annotations

import threading
from traceback import format_exception

import pytest
import sqlalchemy as sa

from idp.core.errors import BadMessage, Refused, Unavailable
from idp.core.model import Actor
from idp.settings import Settings
from idp.store import Change, change, open_store, revision, schema
from tests import backends

pytestmark = pytest.mark.backends("postgres")

INSERT = sa.insert(schema.settings)
COUNT = sa.select(sa.func.count()).select_from(schema.settings)
WHO = Actor(kind="cli", id="test")


@pytest.fixture
def other(database):
    """Give the store of another process."""
    other = open_store(database)
    yield other
    other.dispose()


@pytest.fixture
def kept():
    """Give a server that a test may kill, and a store on it that holds a row."""
    server = backends.Postgres()
    store = open_store(server.create("killed"))
    try:
        with store.write() as unit:
            unit.execute(sa.text("CREATE TABLE kept (n integer)"))
            unit.execute(sa.text("INSERT INTO kept VALUES (1)"))
        yield server, store
    finally:
        store.dispose()
        server.stop()


def test_a_killed_server_costs_errors_only_while_it_is_away(kept):
    server, store = kept
    with store.read() as one, store.read() as two:
        assert one.execute(sa.text("SELECT n FROM kept")).scalar() == 1
        assert two.execute(sa.text("SELECT n FROM kept")).scalar() == 1
    server.kill()
    for use in (store.read, store.write):
        with pytest.raises(Unavailable) as caught, use():
            pass
        assert "connection" in caught.value.detail
    server.start()
    # Both connections of the pool were cut; neither costs an error now.
    with store.read() as one, store.read() as two:
        assert one.execute(sa.text("SELECT n FROM kept")).scalar() == 1
        assert two.execute(sa.text("SELECT n FROM kept")).scalar() == 1


def test_a_connection_cut_within_a_unit_leaves_nothing_of_it(store):
    def cut() -> None:
        with store.write() as unit:
            unit.execute(INSERT, {"key": "k", "value": 1})
            unit.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(Unavailable):
        cut()
    with store.read() as connection:
        assert connection.execute(COUNT).scalar_one() == 0


def test_what_it_cannot_store_is_a_bad_message_without_the_value(store):
    for row in ({"key": "secret\x00", "value": 1},):
        with pytest.raises(BadMessage) as caught, store.write() as unit:
            unit.execute(INSERT, row)
        assert "secret" not in f"{caught.value} {caught.value.__cause__}"
    with pytest.raises(BadMessage), store.read() as connection:
        connection.execute(sa.select(schema.audit).where(schema.audit.c.id == 2**70))


def test_a_statement_or_lock_that_takes_too_long_is_given_up(store, other):
    with store.read() as connection:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert connection.execute(sa.text(f"SHOW {name}")).scalar() not in ("0", None)

    def wait() -> None:
        with store.write() as unit:
            unit.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
            unit.alone()

    with other.write(alone=True), pytest.raises(Unavailable) as caught:
        wait()
    assert "lock timeout" in caught.value.detail


def test_the_url_may_say_otherwise(database):
    store = open_store(database + "?application_name=mine&connect_timeout=1")
    with store.read() as connection:
        assert connection.execute(sa.text("SHOW application_name")).scalar() == "mine"
    store.dispose()


def test_of_several_servers_one_that_answers_is_used(database):
    rest, _, name = database.partition("@")[2].partition("/")
    store = open_store(f"postgresql+psycopg://idp@/{name}?host=127.0.0.1:1&host={rest}")
    with store.read() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    store.dispose()


def test_isolation_is_what_the_statements_are_written_for(store):
    with store.write() as unit:
        assert unit.execute(sa.text("SHOW transaction_isolation")).scalar() == "read committed"


def test_changes_become_visible_in_the_order_of_their_numbers(store, other, clock):
    """Whoever saw the later one first would never look for the earlier one again."""

    def changed(key: str) -> Change:
        return Change(noun="partner", key=key, before=None, after={})

    later: list[int] = []

    def second() -> None:
        with other.write(alone=True) as unit:
            later.append(change(unit, actor=WHO, at=clock.now(), change=changed("b")))

    with store.write(alone=True) as unit:
        first = change(unit, actor=WHO, at=clock.now(), change=changed("a"))
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the first one's commit"
    thread.join(10)
    assert later == [first + 1]
    with store.read() as connection:
        assert revision(connection) == first + 1


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (
            "postgres://u:p%40@h:5433/d?sslmode=require",
            "postgresql+psycopg://u:p%40@h:5433/d?sslmode=require",
        ),
        ("postgresql://u@[::1]/d", "postgresql+psycopg://u@[::1]/d"),
        ("postgresql+psycopg:///d?host=/run/postgresql", "postgresql+psycopg:///d?host=/run/postgresql"),
    ],
)
def test_the_setting_takes_the_usual_forms(given, used):
    assert Settings(database_url=given).database == used


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://u:secret@h",
        "postgresql://u:secret@h:x/d",
        "mysql://u:secret@h/d",
        "postgresql+asyncpg://h/d",
    ],
)
def test_other_forms_are_refused(given):
    with pytest.raises(ValueError, match="must"):
        Settings(database_url=given)


def test_nothing_is_known_of_a_password_that_is_wrong():
    server = backends.postgres()
    store = open_store(f"postgresql+psycopg://idp:secret-word@127.0.0.1:{server.port}/no_such_database")
    with pytest.raises(Unavailable) as caught, store.read():
        pass
    assert "secret-word" not in "".join(format_exception(caught.value))
    store.dispose()


def test_a_refusal_within_a_unit_rolls_back_after_an_error_of_the_server(store):
    def fail() -> None:
        with store.write() as unit:
            unit.execute(INSERT, {"key": "k", "value": 1})
            try:
                unit.execute(INSERT, {"key": "k", "value": 2})
            except sa.exc.IntegrityError as error:
                raise Refused("There is one already.") from error

    with pytest.raises(Refused):
        fail()
    with store.read() as connection:
        assert connection.execute(COUNT).scalar_one() == 0
