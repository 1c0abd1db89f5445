"""The strict gate: hardened parse, schema, and signatures that say what was signed.

The only room that touches XML signatures. Inbound: decode_post or decode_redirect, then
parse_message, validate, verify; use nothing but the tree that verify returns.
"""

from idp.signedxml.algorithms import OLD_SIGNATURES, SIGNATURES
from idp.signedxml.encrypt import Recipient, encrypt
from idp.signedxml.inflate import MESSAGE_LIMIT, decode_post, decode_redirect
from idp.signedxml.parse import DOCUMENT_LIMIT, parse_aggregate, parse_document, parse_message
from idp.signedxml.query import MessageName, Query, read_query, sign_query, verify_query
from idp.signedxml.schema import validate
from idp.signedxml.sign import sign
from idp.signedxml.verify import verify

__all__ = [
    "DOCUMENT_LIMIT",
    "MESSAGE_LIMIT",
    "OLD_SIGNATURES",
    "SIGNATURES",
    "MessageName",
    "Query",
    "Recipient",
    "decode_post",
    "decode_redirect",
    "encrypt",
    "parse_aggregate",
    "parse_document",
    "parse_message",
    "read_query",
    "sign",
    "sign_query",
    "validate",
    "verify",
    "verify_query",
]
