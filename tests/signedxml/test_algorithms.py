"""Row 26: the algorithms that are accepted, and those that are not though truly signed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml import OLD_SIGNATURES, SIGNATURES
from idp.signedxml.names import DS
from tests.signedxml.changes import (
    ENC,
    MGF1,
    MORE,
    nothing,
    set_attribute,
)
from tests.signedxml.keys import Key, ec_key, rsa_key
from tests.signedxml.samples import (
    REQUEST,
    find,
    gate,
    genuine,
    redigest,
    resigned,
)


@pytest.mark.parametrize("bits", [256, 384, 512])
@pytest.mark.parametrize(
    ("method", "key", "pss"),
    [
        (MORE + "rsa-sha{}", rsa_key, False),
        (MGF1 + "sha{}-rsa-MGF1", rsa_key, True),
        (MORE + "ecdsa-sha{}", ec_key, False),
        (MORE + "ecdsa-sha{}", lambda: ec_key(ec.SECP384R1), False),
        (MORE + "ecdsa-sha{}", lambda: ec_key(ec.SECP521R1), False),
    ],
    ids=["rsa", "pss", "P-256", "P-384", "P-521"],
)
def test_every_accepted_algorithm(bits: int, method: str, key: Callable[[], Key], pss: bool) -> None:
    uri = method.format(bits)
    digest = f"sha{bits}"
    digest_uri = f"{MORE}sha384" if bits == 384 else f"{ENC}sha{bits}"

    def change(element: etree._Element, signature: etree._Element) -> None:
        find(signature, "SignatureMethod").set("Algorithm", uri)
        find(signature, "DigestMethod").set("Algorithm", digest_uri)
        redigest(element, signature, digest=digest)

    data = resigned(genuine(), change, key=key(), digest=digest, pss=pss)
    assert gate(data, key=key()).tag == REQUEST.tag
    assert gate(data, key=key(), allow={uri}).tag == REQUEST.tag
    with pytest.raises(BadMessage, match="algorithm"):
        gate(data, key=key(), allow=SIGNATURES - {uri})


@pytest.mark.parametrize(
    ("uri", "digest"),
    [
        (f"{MORE}rsa-sha224", "sha224"),
        (f"{MGF1}sha1-rsa-MGF1", "sha1"),
        (f"{MGF1}sha224-rsa-MGF1", "sha224"),
        (f"{MORE}ecdsa-sha1", "sha1"),
        (f"{MORE}ecdsa-sha224", "sha224"),
    ],
)
def test_case_26_weak_signature_algorithms(uri: str, digest: str) -> None:
    key = ec_key() if "ecdsa" in uri else rsa_key()
    change = set_attribute("SignatureMethod", "Algorithm", uri)
    data = resigned(genuine(), change, key=key, digest=digest, pss="MGF1" in uri)
    with pytest.raises(BadMessage, match="algorithm"):
        gate(data, key=key)
    with pytest.raises(BadMessage, match="algorithm"):
        gate(data, key=key, allow={uri})


def test_case_26_sha1_is_refused_unless_the_caller_allows_it_by_name() -> None:
    change = set_attribute("SignatureMethod", "Algorithm", f"{DS}rsa-sha1")
    data = resigned(genuine(), change, digest="sha1")
    for allow in (None, SIGNATURES):
        with pytest.raises(BadMessage, match="algorithm"):
            gate(data, allow=allow)
    assert gate(data, allow=OLD_SIGNATURES).get("ID")


@pytest.mark.parametrize(
    "uri",
    [f"{MORE}rsa-md5", f"{DS}dsa-sha1", f"{DS}hmac-sha1", f"{MORE}rsa-ripemd160", "", "none", "RS256"],
)
def test_case_26_other_signature_algorithms(uri: str) -> None:
    with pytest.raises(BadMessage, match="algorithm"):
        gate(resigned(genuine(), set_attribute("SignatureMethod", "Algorithm", uri)))


@pytest.mark.parametrize(
    ("uri", "digest"),
    [(f"{DS}sha1", "sha1"), (f"{MORE}md5", "md5"), (f"{MORE}sha224", "sha224"), ("", "sha256")],
)
def test_case_26_weak_digests(uri: str, digest: str) -> None:
    def change(element: etree._Element, signature: etree._Element) -> None:
        find(signature, "DigestMethod").set("Algorithm", uri)
        redigest(element, signature, digest=digest)

    with pytest.raises(BadMessage, match="digest"):
        gate(resigned(genuine(), change))


def test_old_keys_of_1024_bits_are_still_taken() -> None:
    key = rsa_key("old", 1024)
    assert gate(resigned(genuine(), nothing, key=key), key=key).tag == REQUEST.tag


def test_case_26_curve_that_is_not_accepted() -> None:
    key = ec_key(ec.SECP256K1)
    change = set_attribute("SignatureMethod", "Algorithm", f"{MORE}ecdsa-sha256")
    with pytest.raises(BadMessage, match="no certificate fits"):
        gate(resigned(genuine(), change, key=key), key=key)
