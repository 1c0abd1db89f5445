"""The documents are true: their links lead somewhere, their commands parse, their rules are read."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from idp.app.factors import WORTHS
from idp.cli import main
from idp.policy.decide import decide
from idp.policy.model import Ask, Deny, Issue, Verdict
from idp.policy.rules import read
from idp.settings import PREFIX, Settings
from tests.policy.cases import ALICE, ALL, APP, BOTH, OLD, PW

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"^(?:[A-Z_]+=\S+ )*(?:\S*/)?idp (.+)$")
_MAKE = re.compile(r"^make ([a-z]+)")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    """Return the fragments of a document's headings, as GitHub makes them."""
    text = _FENCED.sub("", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def lines_of_code(path: Path) -> list[str]:
    """Return the lines of blocks without a language, and what stands in backticks in the text."""
    text = path.read_text()
    blocks = [block for language, block in _FENCED.findall(text) if not language]
    return [*"".join(blocks).splitlines(), *_INLINE.findall(_FENCED.sub("", text))]


def commands(path: Path) -> list[list[str]]:
    """Return the arguments of every whole `idp` command; a lone noun in a sentence is one too."""
    found = [_COMMAND.match(line) for line in lines_of_code(path)]
    return [before_shell(shlex.split(match[1])) for match in found if match]


def before_shell(words: list[str]) -> list[str]:
    ends = [number for number, word in enumerate(words) if word in {"<", ">", "|", "..."}]
    return words[: min(ends, default=len(words))]


def parse(words: list[str]) -> None:
    """Parse a command as `idp` would, without running it. Raises click.UsageError."""
    command: click.Command = main
    context = click.Context(command, info_name="idp")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"there is no {context.command_path} {name}"
        command, context = found, click.Context(found, info_name=name, parent=context)
    # A noun alone, a verb alone or with an option to look at: said in a sentence, not to be typed.
    if words and "--help" not in words:
        command.make_context(context.info_name, words, parent=context.parent)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(document.read_text()):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.is_file(), link
        assert not fragment or fragment in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_exist(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands(document):
        for word in words:
            if word.endswith((".xml", ".json", ".csv")) and "/" not in word:
                Path(word).touch()
        parse(words)


def test_the_most_used_documents_have_commands() -> None:
    assert len(commands(ROOT / "README.md")) >= 4
    assert len(commands(ROOT / "docs/administrators.md")) >= 25


@pytest.mark.parametrize(
    "wrong", ["person remove ada", "audit --til 2h", "key rotate now", "partner add-api x"]
)
def test_a_command_that_does_not_exist_is_noticed(wrong: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        parse(shlex.split(wrong))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_what_make_is_said_to_do_it_does(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = {match[1] for line in lines_of_code(document) if (match := _MAKE.match(line))}
    assert made <= targets


def test_every_setting_is_in_the_table() -> None:
    table = set(re.findall(r"^\| `(IDP_\w+)`", (ROOT / "docs/operators.md").read_text(), re.MULTILINE))
    assert table == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {"IDP_CONFIG"}


OFFICE, PAYROLL = "10.1.2.3", "https://payroll.example.org/metadata"


@pytest.mark.parametrize(
    ("number", "verdict", "given"),
    [
        (0, Issue, {"application": "wiki", "address": OFFICE}),
        (0, Ask, {"application": "wiki"}),
        (0, Ask, {"address": OFFICE}),
        (1, Deny, {"application": PAYROLL, "proofs": BOTH}),
        (1, Issue, {"application": PAYROLL, "groups": ("payroll",), "proofs": BOTH}),
        (1, Ask, {"application": PAYROLL, "groups": ("payroll",), "proofs": OLD}),
        (2, Issue, {"groups": ("contractors",), "address": OFFICE}),
        (2, Deny, {"groups": ("contractors",), "proofs": BOTH}),
        (2, Ask, {"groups": ("administrators",), "address": OFFICE}),
    ],
)
def test_the_example_rules_do_what_is_said_of_them(
    number: int, verdict: type[Verdict], given: dict[str, Any]
) -> None:
    blocks = _FENCED.findall((ROOT / "docs/administrators.md").read_text())
    rules = read(json.loads([block for language, block in blocks if language == "json"][number]), WORTHS)
    seen = replace(
        ALL,
        partner=replace(APP, identifier=given.get("application", APP.identifier)),
        person=replace(ALICE, groups=given.get("groups", ())),
        proofs=given.get("proofs", PW),
        address=given.get("address", ALL.address),
    )
    assert isinstance(decide(rules, seen).verdict, verdict)
