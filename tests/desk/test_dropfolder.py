"""The drop folder: files appear, change and go; links, pipes and broken files do no harm."""

from __future__ import annotations

import json
import os

import pytest

from idp.core.errors import Refused
from idp.desk import dropfolder
from idp.desk.dropfolder import DropFolder
from idp.partners.documents import LIMIT
from idp.partners.saml import saml_settings
from tests.desk.conftest import NOBODY, OWNER
from tests.desk.site import ENTITY, KEYS, metadata, moved
from tests.partners.test_documents import group


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "metadata"
    made.mkdir()
    return made


@pytest.fixture
def look(desk, folder):
    watched = DropFolder(folder=folder, watching=desk.sources.watching)
    return lambda: watched.look(actor=OWNER)


def partners(desk) -> list[str]:
    return [one.identifier for one in desk.partners.listing(actor=OWNER)]


def errors(desk) -> dict[str, str]:
    return {each.source.place: each.source.error for each in desk.sources.listing(actor=OWNER)}


def events(desk) -> list[str]:
    return [json.loads(line)["event"] for line in desk.log]


def test_a_file_that_appears_is_trusted_and_one_that_changes_is_followed(desk, folder, look):
    file = folder / "expenses.xml"
    file.write_bytes(metadata())
    look()
    look()
    assert partners(desk) == [ENTITY]
    assert events(desk) == ["partner-added"]
    # Also what would wait at an address: whoever writes here runs the service.
    file.write_bytes(moved("https://new.example/acs"))
    look()
    settings = saml_settings(desk.partners.show(ENTITY, actor=OWNER))
    assert settings.default_acs.location == "https://new.example/acs"
    assert events(desk)[1:] == ["partner-changed", "metadata-applied"]


def test_a_name_that_is_no_text_stops_nobody_else(desk, folder, look):
    (folder / os.fsdecode(b"caf\xe9.xml")).write_bytes(metadata())
    (folder / "expenses.xml").write_bytes(metadata())
    look()
    look()
    assert partners(desk) == [ENTITY]
    assert errors(desk) == {"caf\\xe9.xml": "The file cannot be read.", "expenses.xml": ""}


def test_a_file_that_goes_is_flagged_and_its_application_stays(desk, folder, look):
    file = folder / "expenses.xml"
    file.write_bytes(metadata())
    look()
    with pytest.raises(Refused, match="remove that first"):
        desk.partners.remove(ENTITY, actor=OWNER)
    file.unlink()
    look()
    look()
    assert partners(desk) == [ENTITY]
    assert "The file is gone" in errors(desk)["expenses.xml"]
    assert events(desk).count("metadata-refused") == 1
    file.write_bytes(metadata())
    look()
    assert errors(desk) == {"expenses.xml": ""}
    file.unlink()
    look()
    desk.partners.remove(ENTITY, actor=OWNER)
    look()
    assert (partners(desk), errors(desk)) == ([], {})


def test_a_broken_file_is_said_once_and_read_when_it_is_mended(desk, folder, look):
    file = folder / "broken.xml"
    file.write_bytes(b"<html>")
    look()
    look()
    assert errors(desk) == {"broken.xml": "This is not well-formed SAML metadata."}
    assert events(desk) == ["metadata-refused"]
    file.write_bytes(metadata())
    look()
    assert errors(desk) == {"broken.xml": ""}
    file.write_bytes(metadata(entity_id="https://other.example/m"))
    look()
    assert "does not describe" in errors(desk)["broken.xml"]
    assert partners(desk) == [ENTITY]


def test_a_broken_file_that_goes_leaves_nothing(desk, folder, look):
    (folder / "broken.xml").write_bytes(b"")
    look()
    (folder / "broken.xml").unlink()
    look()
    assert errors(desk) == {}


def test_a_link_inside_is_followed_and_one_that_leads_out_is_not(desk, folder, look, tmp_path):
    (folder / "..data").mkdir()
    (folder / "..data" / "real.xml").write_bytes(metadata())
    (folder / "inside.xml").symlink_to("..data/real.xml")
    (tmp_path / "secret.xml").write_bytes(metadata(entity_id="https://secret.example/m"))
    (folder / "outside.xml").symlink_to(tmp_path / "secret.xml")
    (folder / "circle.xml").symlink_to("circle.xml")
    os.mkfifo(folder / "pipe.xml")
    (folder / "folder.xml").mkdir()
    look()
    assert partners(desk) == [ENTITY]
    assert errors(desk) == {
        "circle.xml": "The file cannot be read.",
        "folder.xml": errors(desk)["folder.xml"],
        "inside.xml": "",
        "outside.xml": "The file is a link that leads out of the folder.",
        "pipe.xml": "This is no regular file.",
    }
    assert errors(desk)["folder.xml"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b" " * (LIMIT + 1), "too large"),
        (group(metadata().decode(), metadata(entity_id="https://b.example").decode()).encode(), "several"),
        (b"<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>", "not well-formed"),
    ],
)
def test_what_cannot_be_used_is_said(desk, folder, look, data, problem):
    (folder / "x.xml").write_bytes(data)
    look()
    assert problem in errors(desk)["x.xml"]
    assert partners(desk) == []


def test_two_files_about_one_application_do_not_fight(desk, folder, look):
    (folder / "a.xml").write_bytes(metadata())
    (folder / "b.xml").write_bytes(metadata(KEYS[1]))
    look()
    look()
    assert "comes from another place" in errors(desk)["b.xml"]
    assert saml_settings(desk.partners.show(ENTITY, actor=OWNER)).certificates
    assert events(desk) == ["partner-added", "metadata-refused"]


def test_other_names_and_too_many_files_are_passed_over(desk, folder, look, monkeypatch):
    monkeypatch.setattr(dropfolder, "MOST_FILES", 2)
    for name in (".hidden.xml", "note.txt", "a.xml", "b.xml", "c.xml"):
        (folder / name).write_bytes(b"")
    look()
    assert list(errors(desk)) == ["a.xml", "b.xml"]


def test_without_the_folder_nothing_is_gone(desk, folder, look):
    (folder / "a.xml").write_bytes(metadata())
    look()
    (folder / "a.xml").unlink()
    folder.rmdir()
    look()
    assert errors(desk) == {"a.xml": ""}


def test_looking_needs_a_right(desk, folder):
    with pytest.raises(Refused):
        DropFolder(folder=folder, watching=desk.sources.watching).look(actor=NOBODY)
