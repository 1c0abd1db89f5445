"""idp doctor: check this installation and say what to do."""

from __future__ import annotations

from collections.abc import Sequence

import click

from idp.cli.checkup import Finding, examine
from idp.cli.output import as_json, say
from idp.core.codec import plain
from idp.settings import SettingsError, load_settings


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, *, json_: bool) -> None:
    """Check this installation and say what to do; changes nothing.

    Ends with 1 when there is a problem.
    """
    findings = _findings()
    healthy = all(finding.ok for finding in findings)
    if json_:
        as_json({"ok": healthy, "findings": plain(findings)})
    else:
        _print(findings)
    ctx.exit(0 if healthy else 1)


def _findings() -> list[Finding]:
    try:
        settings = load_settings()
    except SettingsError as error:
        todo = "Correct it in idp.toml or in the environment."
        return [Finding(what="settings", ok=False, said=said, todo=todo) for said in error.problems]
    return [Finding(what="settings", ok=True, said="All understood."), *examine(settings)]


def _print(findings: Sequence[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        say(f"{'ok     ' if finding.ok else 'problem'}  {finding.what:{width}}  {finding.said}")
        if finding.todo:
            say(f"{'':{width + 11}}{finding.todo}")
    problems = sum(not finding.ok for finding in findings)
    say("All is well." if not problems else f"{problems} {'problem' if problems == 1 else 'problems'}.")
