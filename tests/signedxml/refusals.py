"""Forged and genuine messages in one run, as a program: what `python -O` must not change."""

from __future__ import annotations

import json
import sys

from idp.core.errors import BadMessage
from idp.signedxml import read_query, sign_query, verify_query
from tests.signedxml.keys import certificate, rsa_key, signer
from tests.signedxml.samples import KINDS, authn_request, gate, genuine
from tests.signedxml.wrapping import AMONG_OTHERS, EIGHT


def _accepted(data: bytes, name: str) -> bool:
    try:
        gate(data, KINDS[name])
    except BadMessage:
        return False
    return True


def _query_accepted(raw: str) -> bool:
    try:
        verify_query(read_query(raw, message="SAMLRequest"), certificates=[certificate(rsa_key())])
    except BadMessage:
        return False
    return True


def main() -> None:
    """Print how many forged and genuine messages were accepted, of how many."""
    true = [(genuine(kind), name) for name, kind in KINDS.items()]
    forged = [(wrap(data, KINDS[name]), name) for data, name in true for wrap in EIGHT.values()]
    forged += [
        (wrap(genuine(KINDS["Assertion"]), KINDS["Assertion"]), "Assertion") for wrap in AMONG_OTHERS.values()
    ]
    forged += [(data.replace(b"sp.example", b"xp.example"), name) for data, name in true]
    forged += [(data.replace(b"ds:Signature", b"ds:Unsigned"), name) for data, name in true]
    forged += [(b"<!DOCTYPE x>" + data, name) for data, name in true]
    raw = sign_query(
        message="SAMLRequest", value=authn_request().encode(), relay_state="r", signer=signer(), alg="RS256"
    )
    queries = [
        raw.replace("RelayState=r", "RelayState=x"),
        raw.partition("&SigAlg")[0],
        f"{raw}&RelayState=r",
    ]
    result = {
        "optimised": not __debug__,
        "genuine": [sum(_accepted(*row) for row in true) + _query_accepted(raw), len(true) + 1],
        "forged": [
            sum(_accepted(*row) for row in forged) + sum(map(_query_accepted, queries)),
            len(forged) + len(queries),
        ],
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
