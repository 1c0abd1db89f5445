"""Serve the style sheet, scripts and pictures under addresses that change with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, Response
from werkzeug.exceptions import NotFound

# Under nosniff a wrong type is a broken page, so the machine's own table is not asked.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def install(app: Flask, folder: Path) -> None:
    """Serve the folder at /static/<version>/ and give templates `static(path)`."""
    # A few small files, read once: no path from outside ever meets the file system.
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
    version = version_of(files)

    def serve(given: str, path: str) -> Response:
        if path not in files:
            raise NotFound
        response = Response(files[path], content_type=_type_of(path))
        # During a rolling upgrade one node's pages are served by another's files.
        forever = "public, max-age=31536000, immutable"
        response.headers["Cache-Control"] = forever if given == version else "no-cache"
        return response

    app.add_url_rule("/static/<given>/<path:path>", endpoint="static", view_func=serve)
    app.jinja_env.globals["static"] = lambda path: f"/static/{version}/{path}"


def version_of(files: Mapping[str, bytes]) -> str:
    """Return a hash over all files, so that modules importing one another share a version."""
    content = hashlib.sha256()
    for path in sorted(files):
        content.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
    return content.hexdigest()[:12]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _type_of(path: str) -> str:
    return _TYPES.get(Path(path).suffix, "application/octet-stream")
