"""An owner's upload of metadata at the console, as a browser sends it."""

from __future__ import annotations

from tests.fuzz.door import OUR_PAGE
from tests.fuzz.wire import Sent

NEW = "/admin/applications/new"
_PART = b'--limit\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'


def multipart(data: bytes, *, name: bytes = b"sp.xml", fingerprint: bytes = b"") -> bytes:
    """Return the body of the form with the metadata as a file."""
    file = _PART % (b"file", b'; filename="%s"\r\nContent-Type: application/xml' % name, data)
    return _PART % (b"fingerprint", b"", fingerprint) + file + b"--limit--\r\n"


def uploading(body: bytes, cookies: str) -> Sent:
    """Return the request that uploads the form."""
    sent = {**OUR_PAGE, "Host": "id.example", "Cookie": cookies}
    headers = {**sent, "Content-Type": "multipart/form-data; boundary=limit"}
    return Sent(method="POST", path=NEW, body=body, headers=headers)
