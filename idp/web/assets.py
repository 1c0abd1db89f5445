"""Serve the style sheet, scripts and pictures under addresses that change with their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, send_from_directory


def install(app: Flask, folder: Path) -> None:
    """Serve the folder at /static/<version>/ and give templates `static(path)`."""
    version = version_of(folder)

    def serve(given: str, path: str) -> Response:
        response = send_from_directory(folder, path)
        # During a rolling upgrade one node's pages are served by another's files.
        forever = "public, max-age=31536000, immutable"
        response.headers["Cache-Control"] = forever if given == version else "no-cache"
        return response

    app.add_url_rule("/static/<given>/<path:path>", endpoint="static", view_func=serve)
    app.jinja_env.globals["static"] = lambda path: f"/static/{version}/{path}"


def version_of(folder: Path) -> str:
    """Return a hash over all files, so that modules importing one another share a version."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content.update(path.relative_to(folder).as_posix().encode() + b"\0")
            content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()[:12]
