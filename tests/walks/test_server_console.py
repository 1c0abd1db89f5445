"""The console in Chromium on a real server: an owner adds applications and decides about changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from idp.factors.totp import base32
from tests.desk.site import KEYS, Site, metadata, moved, served
from tests.walks.server import Server, Someone
from tests.walks.window import Window

pytestmark = pytest.mark.browser

_PATIENCE = 60.0
_numbers = count(1)


@pytest.fixture
def owner(server: Server) -> Someone:
    """Give an owner of one's own: an app's code works once, and the next but one takes half a minute."""
    name = f"owen{next(_numbers)}"
    made = Someone(name, f"correct horse {name}", name.encode().ljust(20, b"*"))
    server.idp("person", "add", name, "--owner", "--password-stdin", given=made.password + "\n")
    server.idp("method", "add", name, "totp", "--secret", base32(made.seed))
    return made


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


@pytest.fixture
def console(server: Server, owner: Someone, window: Window) -> Window:
    """Give a window in which the owner is signed in at the console."""
    window.open(urljoin(server.base, "/admin"))
    window.sign_in(owner)
    window.heading("Applications")
    return window


def wait_for(server: Server, entity_id: str) -> None:
    end = time.monotonic() + _PATIENCE
    while entity_id not in {one["identifier"] for one in server.json("partner", "list")}:
        assert time.monotonic() < end, server.log()
        time.sleep(0.5)


def test_a_file_is_uploaded_looked_at_and_saved(console: Window, tmp_path: Path) -> None:
    file = tmp_path / "payroll.xml"
    file.write_bytes(metadata(entity_id="https://payroll.example/m"))
    console.tab.get_by_role("link", name="Add application").click()
    console.heading("Add application")
    console.tab.get_by_label("Metadata file").set_input_files(file)
    console.tab.locator("form", has_text="From a file").get_by_role("button", name="Look at it").click()
    console.heading("https://payroll.example/m")
    # What was wrong is corrected in place; the file is not asked for again.
    console.tab.get_by_label("What it learns about people").fill("no name, mail")
    console.tab.get_by_role("button", name="Add application").click()
    expect(console.problem).to_contain_text("Attributes are named like")
    console.look()
    console.tab.get_by_label("What it learns about people").fill("mail")
    console.tab.get_by_label("Name that people see").fill("Payroll")
    console.tab.get_by_label("Name that people see").press("Enter")
    console.heading("Payroll")
    expect(console.tab.get_by_role("status")).to_contain_text("Saved.")


def test_changes_at_an_address_are_seen_and_decided(console: Window, site: Site) -> None:
    console.tab.get_by_role("link", name="Add application").click()
    console.tab.get_by_label("Address of the metadata").fill(site.address)
    console.tab.get_by_label("Address of the metadata").press("Enter")
    console.heading("https://sp.example/metadata")
    console.tab.get_by_role("button", name="Add application").click()
    console.heading("https://sp.example/metadata")
    site.data = moved("https://elsewhere.example/acs")
    console.tab.get_by_role("button", name="Look now").click()
    expect(console.tab.get_by_role("heading", name="Changes wait for you")).to_be_visible()
    expect(console.tab.locator(".grave")).to_contain_text("https://elsewhere.example/acs")
    console.look()
    console.tab.get_by_role("button", name="Drop them").click()
    expect(console.tab.get_by_role("status")).to_contain_text("dropped")
    site.data = metadata(KEYS[0], KEYS[1])
    console.tab.get_by_role("button", name="Look now").click()
    expect(console.tab.get_by_role("status")).to_contain_text("applied")
    console.look()


def test_somebody_else_is_refused_kindly(server: Server, new_window: Callable[..., Window]) -> None:
    window = new_window()
    person = server.someone()
    window.open(urljoin(server.base, "/admin/applications"))
    window.sign_in(person)
    window.heading("For administrators only")
    window.tab.get_by_role("link", name="Use another account").click()
    window.heading("Choose an account")


def test_the_console_works_without_scripts(
    server: Server, owner: Someone, new_window: Callable[..., Window], tmp_path: Path
) -> None:
    window = new_window(java_script_enabled=False)
    window.open(urljoin(server.base, "/admin/applications/new"))
    window.sign_in(owner)
    file = tmp_path / "wiki.xml"
    file.write_bytes(metadata(entity_id="https://plain.example/m"))
    window.tab.get_by_label("Metadata file").set_input_files(file)
    window.tab.locator("form", has_text="From a file").get_by_role("button", name="Look at it").click()
    window.tab.get_by_role("button", name="Add application").click()
    window.heading("https://plain.example/m")


def test_a_file_in_the_drop_folder_is_followed_by_the_worker(server: Server) -> None:
    folder = server.folder / "metadata"
    folder.mkdir(exist_ok=True)
    (folder / "dropped.xml").write_bytes(metadata(entity_id="https://dropped.example/m"))
    wait_for(server, "https://dropped.example/m")
