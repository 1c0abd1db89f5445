"""Choose how answers to a SAML partner are encrypted: with which of its keys, by which algorithms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from idp.core.errors import Refused
from idp.partners.remarks import Remark
from idp.partners.saml import Encrypt, EncryptionKey, EncryptionMethod, SamlSettings, Weak
from idp.signedxml import Recipient
from idp.signedxml.encrypt import (
    AES_256_CBC,
    AES_256_GCM,
    CBC,
    DIGESTS,
    GCM,
    MASKS,
    MGF1_SHA1,
    RSA_OAEP,
    RSA_OAEP_MGF1P,
    SHA1,
    XENC,
    fits,
)

_TRANSPORTS = frozenset({RSA_OAEP, RSA_OAEP_MGF1P})
# PKCS #1 v1.5 lets whoever can send the partner messages read them (Bleichenbacher 1998).
_NOT_OURS = f"{XENC}rsa-1_5"


def recipient(settings: SamlSettings, *, now: datetime) -> Recipient | None:
    """Return for whom and how to encrypt, None to send assertions as they are.

    Raises Refused when they must be encrypted and cannot be: nothing is then sent at all.
    """
    if settings.encrypt is Encrypt.NEVER:
        return None
    always, cbc = settings.encrypt is Encrypt.ALWAYS, settings.tolerates(Weak.CBC, now)
    found = reader(settings.encryption_keys, undeclared=always, cbc=cbc)
    if found is None and always:
        raise Refused(
            "Answers to this application must be encrypted, and its metadata has no key that can be used.",
            detail="no usable encryption key",
        )
    return found


def reader(keys: Sequence[EncryptionKey], *, undeclared: bool = False, cbc: bool = False) -> Recipient | None:
    """Return for whom and how to encrypt with the first of the keys that can be used, None for none.

    undeclared: a key "for every use" will do. It may be one that the application's software only
    signs with, so an administrator has to say so.
    """
    usable = (key for key in keys if undeclared or key.declared)
    return next(filter(None, (_for(key, cbc=cbc) for key in usable)), None)


def remark(keys: Sequence[EncryptionKey]) -> Remark | None:
    """Return what to tell the administrator when none of the declared keys can be used."""
    if not any(key.declared for key in keys) or reader(keys):
        return None
    return Remark(
        "The metadata has a key for encryption, but names no algorithm for it that is safe: answers are "
        "signed, not encrypted."
    )


def _for(key: EncryptionKey, *, cbc: bool) -> Recipient | None:
    content = _content([each.algorithm for each in key.methods], cbc=cbc)
    transport = _transport(key.methods)
    if content is None or transport is None:
        return None
    found = Recipient(
        certificate=key.certificate,
        content=content,
        transport=transport.algorithm,
        digest=transport.digest or SHA1,
        mask=transport.mask or MGF1_SHA1,
    )
    return found if fits(found) else None


def _content(named: Sequence[str], *, cbc: bool) -> str | None:
    """Return the best cipher of those named; naming none means that any may be used."""
    if all(uri in _TRANSPORTS or uri == _NOT_OURS for uri in named):
        return AES_256_CBC if cbc else AES_256_GCM
    allowed = (*GCM, *CBC) if cbc else (*GCM,)
    return next((uri for uri in allowed if uri in named), None)


def _transport(methods: Sequence[EncryptionMethod]) -> EncryptionMethod | None:
    """Return the first way to wrap keys that we have; what everybody reads when none is named."""
    named = [each for each in methods if each.algorithm in _TRANSPORTS or each.algorithm == _NOT_OURS]
    if not named:
        return EncryptionMethod(algorithm=RSA_OAEP_MGF1P)
    return next(
        (
            each
            for each in named
            if each.algorithm in _TRANSPORTS
            and (each.digest or SHA1) in DIGESTS
            and (each.mask or MGF1_SHA1) in MASKS
        ),
        None,
    )
