"""Fit a Flask application with all of the plumbing, in the one order that works."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask

from idp.paths import STATIC
from idp.web import assets, correlation, countries, csrf, errors, headers, i18n, settings, templating
from idp.web.query import AnyQuery

_LARGEST_BODY = 1024 * 1024


def make_flask(
    web: settings.WebSettings, *, open_endpoints: Collection[str] = (), json_endpoints: Collection[str] = ()
) -> Flask:
    """Return an application without pages, ready for blueprints.

    open_endpoints are those that partners' pages and programs post to from other sites
    ("saml.sso", "oidc.token"); each only verifies and stores, or authenticates its caller
    itself. json_endpoints answer errors as JSON.
    """
    app = Flask("idp", static_folder=None, template_folder=None)
    app.request_class = AnyQuery
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.config["MAX_FORM_PARTS"] = 100
    # The router's redirects would repeat the Host header, which anybody can write.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    settings.remember(app, web)
    correlation.install(app)
    headers.install(app)
    templating.install(app)
    i18n.install(app)
    countries.install(app)
    assets.install(app, STATIC)
    errors.install(app, json_endpoints=json_endpoints)
    csrf.install(app, open_endpoints=open_endpoints)
    return app
