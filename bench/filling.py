"""Fill a PostgreSQL database with people, partners, sessions and a record, as many as wanted."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from server import SIGNED

from idp.store import Store, open_store, schema

FIRST_PERSON, FIRST_APP = "user000001", "https://app000001.example/metadata"
RARE = "rare"  # an event, a factor and a reason, each once in the record
_MICROSECONDS = 1_000_000
_DAY = 86_400 * _MICROSECONDS
# Each is one statement, and makes n = 1 ... most. The first ten rows of the record tell of the
# first person at the first application, so that a search for either finds as much in both sizes.
_PEOPLE = (
    """INSERT INTO people (id, source, source_key, name, display_name, attributes, groups, roles, enabled,
         may_enrol, recovery_due, created_at)
       SELECT 'i-p' || n, 'local', 'i-p' || n, 'user' || lpad(n::text, 6, '0'), 'User ' || n,
         json_build_object('mail', json_build_array('user' || n || '@bench.example')), '["staff"]', '[]',
         true, false, false, :now
       FROM generate_series(1, :most) n""",
    """INSERT INTO login_names (folded, person)
       SELECT 'user' || lpad(n::text, 6, '0'), 'i-p' || n FROM generate_series(1, :most) n""",
    """INSERT INTO passwords (person, hash, changed_at)
       SELECT 'i-p' || n, (SELECT min(hash) FROM passwords), :now FROM generate_series(1, :most) n""",
    """INSERT INTO methods (id, person, factor, label, sealed, counter, data, created_at)
       SELECT 'i-m' || n, 'i-p' || n, 'totp', 'App', decode(repeat('00', 80), 'hex'), 0, '{}', :now
       FROM generate_series(1, :most) n""",
    """INSERT INTO method_codes (method, hash)
       SELECT 'i-m' || n, 'code' || m FROM generate_series(1, :most) n, generate_series(1, 10) m""",
    """INSERT INTO sessions (id, secret, person, proofs, persistent, created_at, expires_at, browser)
       SELECT 'i-s' || n, 'secret' || n, 'i-p' || n, '[]', false, :now, :later, ''
       FROM generate_series(1, :most) n""",
    """INSERT INTO participants (id, session, person, partner, door, issuer, subject, created_at)
       SELECT 'i-j' || n || '-' || m, 'i-s' || n, 'i-p' || n, 'i-a' || (n + m) % :partners + 1, 'saml',
         'default', '{}', :now
       FROM generate_series(1, :most) n, generate_series(1, 2) m""",
)
_PARTNERS = """INSERT INTO partners (id, door, identifier, name, issuer, enabled, release, access, settings,
         notes, revision, sought)
       SELECT 'i-a' || n, door, 'https://app' || lpad(n::text, 6, '0') || '.example/metadata',
         'Application ' || lpad(n::text, 6, '0'), issuer, true, release, access,
         jsonb_set(settings::jsonb, '{certificates}', to_jsonb(ARRAY[(SELECT min(certificate) FROM keys)])),
         '', revision, 'application ' || lpad(n::text, 6, '0') || chr(10) || 'https://app'
         || lpad(n::text, 6, '0') || '.example/metadata'
       FROM partners, generate_series(1, :most) n WHERE identifier = :pattern"""
_RECORD = """INSERT INTO audit (at, event, event_id, actor, person, partner, factor, verdict, reason, rules,
         correlation, reference, detail, personal)
       SELECT :start + n::bigint * (:span / :most), CASE WHEN n = 1 THEN :rare ELSE 'token-issued' END,
         299, '',
         'i-p' || CASE WHEN n <= 10 THEN 1 ELSE n % :people + 1 END,
         'i-a' || CASE WHEN n <= 10 THEN 1 ELSE n % :partners + 1 END,
         CASE WHEN n = 1 THEN :rare WHEN n % 4 = 1 THEN 'password' ELSE '' END, 'issue',
         CASE WHEN n = 1 THEN :rare WHEN n % 20 = 1 THEN 'wrong' ELSE '' END, '["default"]',
         md5(n::text), CASE WHEN n % 1000 = 1 THEN 'REF-' || n ELSE '' END,
         '{"door": "saml", "acr": "two", "amr": ["pwd", "otp", "mfa"]}',
         CASE WHEN n * 4 > :most * 3 THEN '{"name": "user", "address": "192.0.2.1"}'::json END
       FROM generate_series(1, :most) n"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many of everything. events is rows of the record, over the year until now."""

    name: str
    people: int
    partners: int
    events: int


def fill(database: str, size: Size, *, now: int) -> None:
    """Put everything in, and have the server count it. now is in microseconds since 1970."""
    store = open_store(f"{database}?options=-c%20statement_timeout%3D0")
    with store.write() as unit:
        partners = {"most": size.partners, "pattern": SIGNED["both"]}
        unit.execute(sa.text(_PARTNERS), partners)
        each = {"most": size.people, "partners": size.partners, "now": now, "later": now + _DAY}
        for statement in _PEOPLE:
            unit.execute(sa.text(statement), each)
        _record(unit.connection, size, now)
    _count(store)
    store.dispose()


def _record(connection: sa.Connection, size: Size, now: int) -> None:
    # Rows first: an index that is made afterwards takes a tenth of the time.
    for index in schema.audit.indexes:
        index.drop(connection)
    span = 365 * _DAY
    of = {"start": now - span, "span": span, "people": size.people, "partners": size.partners, "rare": RARE}
    connection.execute(sa.text(_RECORD), of | {"most": size.events})
    for index in schema.audit.indexes:
        index.create(connection)


def _count(store: Store) -> None:
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
