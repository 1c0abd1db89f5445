"""A small OpenID provider on loopback that says whatever a test wants."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CODE = "code-1"


class Provider:
    """Answers token requests for CODE; nonce and challenge are those of the authorization request."""

    def __init__(self) -> None:
        self.issuer = ""
        self.nonce = self.challenge = ""
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {
            "sub": "subject-1",
            "name": "Ada Lovelace",
            "email": "ada@example.org",
        }
        self._key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})

    def discovery(self) -> ResponseReturnValue:
        """Return the provider's configuration."""
        return jsonify(
            issuer=self.issuer,
            authorization_endpoint=f"{self.issuer}/authorize",
            token_endpoint=f"{self.issuer}/token",
            userinfo_endpoint=f"{self.issuer}/userinfo",
            jwks_uri=f"{self.issuer}/jwks",
            end_session_endpoint=f"{self.issuer}/logout",
            id_token_signing_alg_values_supported=["RS256"],
        )

    def jwks(self) -> ResponseReturnValue:
        """Return the public key."""
        return jsonify(keys=[self._key.as_dict(private=False)])

    def token(self) -> ResponseReturnValue:
        """Redeem the code, checking the verifier and the client."""
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        proved = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
        known = request.authorization is not None and request.authorization.password == "s3cret"
        if request.form["code"] != CODE or not proved or not known:
            return jsonify(error="invalid_grant"), 400
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "wiki", "sub": "subject-1", "iat": now, "exp": now + 300}
        claims |= {"nonce": self.nonce, "auth_time": now, "acr": "two", "amr": ["pwd", "otp"], "sid": "sid-1"}
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims | self.claims, self._key)
        return jsonify(access_token="at-1", token_type="Bearer", expires_in=300, id_token=token)

    def who(self) -> ResponseReturnValue:
        """Say who the access token is about."""
        if request.headers["Authorization"] != "Bearer at-1":
            return jsonify(error="invalid_token"), 401
        return jsonify(self.userinfo)


@contextmanager
def running() -> Iterator[Provider]:
    """Give a provider that listens on loopback."""
    provider, site = Provider(), Flask(__name__)
    site.add_url_rule("/.well-known/openid-configuration", view_func=provider.discovery)
    site.add_url_rule("/jwks", view_func=provider.jwks)
    site.add_url_rule("/token", view_func=provider.token, methods=["POST"])
    site.add_url_rule("/userinfo", view_func=provider.who)
    with make_server("127.0.0.1", 0, site) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield provider
        server.shutdown()
        thread.join()
