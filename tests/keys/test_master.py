"""The master key file: made once, private, and told apart from another one."""

from __future__ import annotations

import base64
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.keys import MasterKey, Sealer, check_master, remember_master
from idp.store import schema
from tests.processes import Notes, race

TEXT = base64.b64encode(b"k" * 32).decode()


def test_the_file_is_made_once_and_only_the_owner_may_read_it(tmp_path):
    path = tmp_path / "master.key"
    made = MasterKey.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert MasterKey.load_or_create(path) == made
    assert MasterKey.from_text(path.read_text()) == made
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]
    assert MasterKey.load_or_create(tmp_path / "other.key") != made


def test_a_loose_umask_does_not_open_the_file(tmp_path):
    before = os.umask(0)
    try:
        MasterKey.load_or_create(tmp_path / "master.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    notes = Notes(tmp_path / "notes")
    race(load, tmp_path / "master.key", notes=notes)
    assert len(notes.lines()) == 4
    assert len(set(notes.lines())) == 1


def load(_number, notes, path) -> None:
    notes.write(MasterKey.load_or_create(path).secret.hex())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_file_open_to_others_is_refused_with_the_remedy(tmp_path, mode):
    path = tmp_path / "master.key"
    path.write_text(TEXT)
    path.chmod(mode)
    with pytest.raises(Refused, match="chmod 600"):
        MasterKey.load_or_create(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        TEXT[:-5],
        TEXT + "AAAA",
        "not base64 at all!",
        base64.b64encode(b"k" * 31).decode(),
        "ü" * 44,
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "master.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(Refused, match="damaged"):
        MasterKey.load_or_create(path)
    assert path.read_text() == content


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "master.key"
    path.write_bytes(bytes(range(256)))
    path.chmod(0o600)
    with pytest.raises(Refused, match="damaged"):
        MasterKey.load_or_create(path)


def test_what_is_not_a_file_is_refused(tmp_path):
    with pytest.raises(Refused, match="can't be read: No such file"):
        MasterKey.load(tmp_path / "master.key")
    with pytest.raises(Refused, match="can't be read: Is a directory"):
        MasterKey.load(tmp_path)


def test_a_key_is_not_printed():
    key = MasterKey.from_text(f" {TEXT}\n")
    assert key.secret == b"k" * 32
    assert "kkk" not in f"{key!r} {key}"


@given(st.text())
def test_any_text_is_a_key_or_refused(text):
    try:
        key = MasterKey.from_text(text)
    except Refused:
        return
    assert len(key.secret) == 32


# The key that fits the database ----------------------------------------------------------------
def test_the_right_key_is_known_again(store):
    with store.write() as unit:
        remember_master(unit, Sealer(MasterKey(b"k" * 32)))
    with store.write() as unit:
        remember_master(unit, Sealer(MasterKey(b"k" * 32)))
    with store.read() as connection:
        check_master(connection, Sealer(MasterKey(b"k" * 32)))


def test_another_key_is_explained(store):
    with store.write() as unit:
        remember_master(unit, Sealer(MasterKey(b"k" * 32)))
    other = Sealer(MasterKey(b"x" * 32))
    with pytest.raises(Refused, match="not the master key"), store.write() as unit:
        remember_master(unit, other)
    with pytest.raises(Refused, match="Put the original key back"), store.read() as connection:
        check_master(connection, other)


def test_looking_at_a_database_that_never_started_writes_nothing(store):
    with store.read() as connection:
        check_master(connection, Sealer(MasterKey(b"k" * 32)))
        assert connection.execute(schema.settings.select()).all() == []
