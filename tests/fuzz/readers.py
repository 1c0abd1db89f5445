"""What administrators bring in: metadata, rules, settings. Strange input is refused, never an error."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from tests.fuzz import saml
from tests.fuzz.edits import BYTES, ENCODINGS, Edit, apply, edits
from tests.fuzz.trees import DS, TREES
from tests.fuzz.values import NASTY, texts
from tests.saml.sp import Sp

_RULE: Mapping[str, Any] = {
    "id": "r1",
    "name": "Outside",
    "enabled": True,
    "conditions": {
        "people": ["ada"],
        "groups": ["staff"],
        "networks": ["10.0.0.0/8", "2001:db8::/32"],
        "outside": True,
        "older_than": 60,
    },
    "controls": {"deny": False, "strength": "two", "methods": ["totp"], "fresh_within": 600},
}
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
_keys = st.sampled_from(
    [*_RULE, *_RULE["conditions"], *_RULE["controls"], "x", "", "except_people", "partners"]
)
rule_lists = st.one_of(
    _json,
    st.lists(
        st.tuples(_keys, st.one_of(_json, st.lists(texts, max_size=3), st.sampled_from(NASTY))), max_size=3
    ).map(lambda changes: [_RULE, _with(changes)]),
)


def _with(changes: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the rule with values put where their key belongs."""
    rule = {**copy.deepcopy(dict(_RULE)), "id": "r2"}
    for key, value in changes:
        inside = next((rule[part] for part in ("conditions", "controls") if _holds(rule, part, key)), rule)
        inside[key] = value
    return rule


def _holds(rule: Mapping[str, Any], part: str, key: str) -> bool:
    return isinstance(rule.get(part), dict) and (key in _RULE[part] or key in ("except_people", "partners"))


METADATA: Mapping[str, Mapping[str, Any]] = {
    "certificate": BYTES,
    **{name: saml.LAYERS[name] for name in ("tree", "encoding", "xml")},
}
metadata_documents = st.tuples(st.sampled_from(saml.NAMES), edits(METADATA, most=4))


def metadata_document(drawn: Any, senders: Mapping[str, Sp]) -> bytes:
    """Return the metadata of a service provider, changed."""
    name, chosen = drawn
    root = etree.fromstring(senders[name].metadata())
    for certificate in root.iter(f"{{{DS}}}X509Certificate"):
        der = apply(BYTES, base64.b64decode(certificate.text or ""), chosen, "certificate")
        certificate.text = base64.b64encode(der).decode()
    root = apply(TREES, root, chosen, "tree")
    data = apply(ENCODINGS, etree.tostring(root), chosen, "encoding")
    return apply(BYTES, data, chosen, "xml")


_VARIABLES: Mapping[str, str] = {
    "IDP_BASE_URL": "https://login.example.org",
    "IDP_DATA": "var",
    "IDP_DATABASE_URL": "sqlite:///x.db",
    "IDP_STATE_URL": "",
    "IDP_BIND": "127.0.0.1:8000",
    "IDP_WORKERS": "2",
    "IDP_THREADS": "16",
    "IDP_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
    "IDP_LOG_FORMAT": "json",
    "IDP_MASTER_KEY": "A" * 43 + "=",
}
_FILE = b"""\
base_url = "https://login.example.org"
data = "var"
workers = 2
trusted_proxies = ["10.0.0.0/8"]
log_format = "text"
"""


def settings_given(drawn: tuple[list[tuple[str, str]], list[Edit]]) -> tuple[Mapping[str, str], bytes]:
    """Return (environment, file): a fine environment with values changed, and a changed file."""
    changes, chosen = drawn
    # No variable of an environment can hold a NUL, or a name an equals sign.
    variables = {name: value.replace("\0", "") for name, value in changes}
    kept = {name: value for name, value in _VARIABLES.items() if name not in variables}
    return {**(kept if len(changes) > 1 else {}), **variables}, apply(BYTES, _FILE, chosen, "file")


_variable = st.one_of(
    st.sampled_from(sorted(_VARIABLES)), st.sampled_from(("IDP_", "IDP_WORKER", "idp_data"))
)
settings_changes = st.tuples(
    st.lists(st.tuples(_variable, texts), max_size=3), edits({"file": BYTES}, most=3)
)


def given(name: str, drawn: Any, senders: Mapping[str, Sp]) -> Any:
    """Return what the reader of that name is given."""
    if name == "partner-metadata":
        return metadata_document(drawn, senders)
    return settings_given(drawn) if name == "settings" else drawn
