"""Render the pages: Jinja templates in the person's language, with this response's nonce."""

from __future__ import annotations

from flask import Flask, Response, render_template
from jinja2 import FileSystemLoader, StrictUndefined

from idp.core.browsers import browser_of
from idp.paths import TEMPLATES
from idp.web import headers, i18n

HTML = "text/html; charset=utf-8"


def install(app: Flask) -> None:
    """Read templates from the shipped folder; a value that a page forgot is an error."""
    app.jinja_loader = FileSystemLoader(TEMPLATES)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        nonce=headers.nonce,
        language=i18n.language,
        languages=lambda: tuple(i18n.languages().values()),
        browser_of=browser_of,
    )


def text_file(name: str, template: str, **context: object) -> Response:
    """Return a plain-text file to be saved under a name."""
    return Response(
        render_template(template, **context),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def page(
    template: str, *, status: int = 200, locale: str = "", reply_to: str = "", **context: object
) -> Response:
    """Return a page as a response.

    locale is the partner's wish (ui_locales). reply_to is the address this transaction ends
    at, which the page's forms may be redirected to.
    """
    if locale:
        i18n.prefer(locale)
    if reply_to:
        headers.allow_form_to(reply_to)
    return Response(render_template(template, **context), status, content_type=HTML)
