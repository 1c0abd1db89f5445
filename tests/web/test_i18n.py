from __future__ import annotations

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from idp.web import i18n
from idp.web.extraction import sentences

_ROOT = Path(__file__).parents[2]
_LOCALE = _ROOT / "idp" / "web" / "locale"


def _shown(client: FlaskClient, address: str, **headers: str) -> str:
    found = re.search(r'<html lang="([^"]+)" dir="([^"]+)"', client.get(address, headers=headers).text)
    assert found
    return f"{found[1]} {found[2]}"


@pytest.mark.parametrize(
    ("address", "headers", "shown"),
    [
        ("/signin", {}, "en ltr"),
        ("/signin", {"Accept-Language": "ar-EG,ar;q=0.9,en;q=0.5"}, "ar rtl"),
        ("/signin", {"Accept-Language": "fr, ar;q=0.1"}, "ar rtl"),
        ("/signin", {"Accept-Language": "xx"}, "en ltr"),
        ("/signin?ui_locales=fr ar", {"Accept-Language": "en"}, "ar rtl"),
        ("/signin?lang=ar", {"Accept-Language": "en"}, "ar rtl"),
        ("/signin?ui_locales=ar", {"Cookie": "countersign-language=en"}, "en ltr"),
        ("/signin?lang=en", {"Cookie": "countersign-language=ar"}, "en ltr"),
        ("/signin?lang=Ar", {"Accept-Language": "en"}, "ar rtl"),
        ("/signin?ui_locales=AR-eg", {"Accept-Language": "en"}, "ar rtl"),
        ("/signin?lang=../../etc", {"Accept-Language": "ar"}, "ar rtl"),
    ],
)
def test_the_language_of_a_page(
    bare_client: FlaskClient, address: str, headers: dict[str, str], shown: str
) -> None:
    assert _shown(bare_client, address, **headers) == shown


def test_a_choice_is_remembered(client: FlaskClient) -> None:
    client.get("/home?lang=ar")
    assert _shown(client, "/home") == "ar rtl"
    client.get("/home?lang=xx")
    assert _shown(client, "/home") == "ar rtl"


def test_pages_and_errors_are_translated(client: FlaskClient) -> None:
    arabic = {"Accept-Language": "ar"}
    assert "اسم المستخدم" in client.get("/signin", headers=arabic).text
    with capture_logs():
        assert "هذا الطلب أطول من اللازم." in client.get("/fail/bad", headers=arabic).text
        assert "User name" not in client.get("/nowhere", headers=arabic).text


@given(st.lists(st.text(max_size=20), max_size=30))
def test_any_wish_gives_a_language(wishes: list[str]) -> None:
    assert i18n.choose(wishes) in i18n.languages().values()


def test_every_text_is_translated(tmp_path: Path) -> None:
    template = tmp_path / "messages.pot"
    extract = ["extract", "-F", str(_LOCALE / "babel.toml"), "-o", str(template), str(_ROOT)]
    babel = [sys.executable, "-W", "ignore", "-m", "babel.messages.frontend", "-q"]
    subprocess.run([*babel, *extract], check=True, cwd=_ROOT)
    texts = {message.id for message in read_po(BytesIO(template.read_bytes())) if message.id}
    assert {"User name", "That didn’t work", "Your account is switched off."} <= texts
    for path in _LOCALE.glob("*/LC_MESSAGES/messages.po"):
        catalogue = read_po(BytesIO(path.read_bytes()))
        translated = {
            message.id for message in catalogue if message.id and message.string and not message.fuzzy
        }
        assert texts - translated == set(), f"{path} lacks texts"
        assert translated - texts == set(), f"{path} has texts that no page shows"


def test_translations_keep_placeholders_and_marks() -> None:
    for path in _LOCALE.glob("*/LC_MESSAGES/messages.po"):
        for message in read_po(BytesIO(path.read_bytes())):
            marks = re.compile(r"%\(\w+\)s|</?\w+>")
            assert sorted(marks.findall(str(message.id))) == sorted(marks.findall(str(message.string)))


def test_what_counts_as_a_text_for_people() -> None:
    source = b'''
"""A docstring is a sentence."""
SAYS = {"a": "This is shown."}
def f():
    """So is this one."""
    mark("Short heading")
    raise BadMessage("This is raised.", detail="This is logged only.")
    f(f"This {x} is put together. Thing.")
    "no sentence"
'''
    found = {text for _, _, text, _ in sentences(BytesIO(source), (), (), options={})}
    assert found == {"This is shown.", "Short heading", "This is raised."}
    raised = {text for _, _, text, _ in sentences(BytesIO(source), (), (), options={"raised": "yes"})}
    assert raised == {"This is raised."}
