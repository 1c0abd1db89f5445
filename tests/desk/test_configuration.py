"""Partners, keys and policy at the desk: each a change on record, none with a secret in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.audit import Filter
from idp.claims import DEFAULT_RELEASE
from idp.core.errors import Refused
from idp.core.ids import fingerprint
from idp.desk.partners import PartnerChanges, shown
from idp.desk.saml_choices import SamlChoices, chosen
from idp.keys import METADATA_KEPT
from idp.partners import oidc
from idp.partners.saml import Encrypt, EncryptionKey, SamlSettings, Tolerated, Weak, saml_settings
from idp.store.schema import changes
from tests.desk.conftest import OWNER
from tests.saml.sp import Sp

SECRET = "a long client secret"
METADATA = b"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example/">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService index="0" Location="https://sp.example/acs"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
  </md:SPSSODescriptor>
  <md:Organization>
    <md:OrganizationName xml:lang="en">x</md:OrganizationName>
    <md:OrganizationDisplayName xml:lang="en">Expenses</md:OrganizationDisplayName>
    <md:OrganizationURL xml:lang="en">https://sp.example/</md:OrganizationURL>
  </md:Organization>
</md:EntityDescriptor>"""


@pytest.fixture
def wiki(desk):
    settings = oidc.register(redirect_uris=["https://wiki.example/cb"], secret=SECRET)
    return desk.partners.add_oidc("wiki", settings, name="Wiki", actor=OWNER)


def last_change(store) -> sa.RowMapping:
    with store.read() as connection:
        query = sa.select(changes).order_by(changes.c.revision.desc()).limit(1)
        return connection.execute(query).mappings().one()


def events(desk) -> list[str]:
    return [json.loads(line)["event"] for line in desk.log]


def test_metadata_makes_a_partner(desk, store):
    imported = desk.partners.import_metadata(METADATA, actor=OWNER)
    partner = imported.partner
    assert (partner.door, partner.identifier, partner.name) == ("saml", "https://sp.example/", "Expenses")
    assert partner.release == DEFAULT_RELEASE
    assert partner.enabled
    assert not imported.updated
    assert partner.issuer == desk.partners.issuers.default().id
    assert desk.partners.show("https://sp.example/", actor=OWNER) == partner
    assert desk.partners.show(partner.id, actor=OWNER) == partner
    change = last_change(store)
    assert (change["noun"], change["key"], change["before"]) == ("partner", partner.id, None)
    assert events(desk) == ["partner-added"]


def test_the_same_metadata_again_updates_and_keeps_what_was_chosen(desk):
    first = desk.partners.import_metadata(METADATA, name="Costs", release=["mail"], actor=OWNER).partner
    desk.partners.set_enabled(first.id, enabled=False, actor=OWNER)
    moved = METADATA.replace(b"sp.example/acs", b"sp.example/acs2")
    again = desk.partners.import_metadata(moved, actor=OWNER)
    assert again.updated
    assert (again.partner.id, again.partner.name) == (first.id, "Costs")
    assert again.partner.release == ("mail",)
    assert not again.partner.enabled
    assert "acs2" in json.dumps(shown(again.partner))
    assert len(desk.partners.listing(actor=OWNER)) == 1
    assert events(desk) == ["partner-added", "partner-disabled", "partner-changed"]


@pytest.mark.parametrize("data", [b"", b"<x/>", b"not xml", METADATA.replace(b"SPSSO", b"IDPSSO")])
def test_what_is_no_metadata_is_refused(desk, data):
    with pytest.raises(Refused):
        desk.partners.import_metadata(data, actor=OWNER)
    assert desk.partners.listing(actor=OWNER) == ()


def test_an_openid_connect_client_keeps_only_the_hash_of_its_secret(desk, wiki):
    stored = desk.partners.show("wiki", actor=OWNER)
    assert stored.settings["secret_hash"] == fingerprint(SECRET)
    assert oidc.oidc_settings(stored).has_secret(SECRET)


def test_row_67_nothing_that_is_shown_or_recorded_holds_a_secret(desk, wiki, store):
    seen = json.dumps(shown(wiki))
    assert SECRET not in seen
    assert fingerprint(SECRET) not in seen
    assert SECRET not in "".join(desk.log)
    assert SECRET not in json.dumps(last_change(store)["after"])


def test_a_taken_client_id_is_refused(desk, wiki):
    settings = oidc.register(redirect_uris=["https://evil.example/cb"], secret="")
    with pytest.raises(Refused):
        desk.partners.add_oidc("wiki", settings, actor=OWNER)
    assert desk.partners.show("wiki", actor=OWNER) == wiki


def test_client_ids_are_told_apart_by_case(desk, wiki):
    with pytest.raises(Refused):
        desk.partners.show("WIKI", actor=OWNER)


@pytest.mark.parametrize(
    "release", [["mail "], [""], ["a b"], ["1x"], ["mail", "x" * 300], ["javascript: x"]]
)
def test_unreadable_attribute_names_are_refused(desk, release):
    with pytest.raises(Refused):
        desk.partners.import_metadata(METADATA, release=release, actor=OWNER)


def test_an_identifier_of_two_doors_needs_the_id(desk):
    saml = desk.partners.import_metadata(METADATA, actor=OWNER).partner
    settings = oidc.register(redirect_uris=["https://sp.example/cb"], secret="")
    client = desk.partners.add_oidc("https://sp.example/", settings, actor=OWNER)
    with pytest.raises(Refused):
        desk.partners.show("https://sp.example/", actor=OWNER)
    assert desk.partners.show(saml.id, actor=OWNER) == saml
    assert desk.partners.show(client.id, actor=OWNER) == client


def test_switching_off_and_on_and_removing(desk, wiki, store):
    assert not desk.partners.set_enabled("wiki", enabled=False, actor=OWNER).enabled
    assert desk.partners.set_enabled("wiki", enabled=True, actor=OWNER).enabled
    desk.partners.remove("wiki", actor=OWNER)
    assert desk.partners.listing(actor=OWNER) == ()
    assert last_change(store)["after"] is None
    assert events(desk) == ["partner-added", "partner-disabled", "partner-enabled", "partner-removed"]
    (removed, *_) = desk.records.search(Filter(partner=wiki.id), actor=OWNER)
    assert removed.recorded.event == "partner-removed"


def test_rotating_lets_the_next_keys_sign(desk, clock):
    first = desk.keys.rotate(actor=OWNER)
    following = {key.alg: key.kid for key in first if key.state == "next"}
    clock.advance(seconds=METADATA_KEPT.total_seconds())
    second = desk.keys.rotate(actor=OWNER)
    assert {key.alg: key.kid for key in second if key.state == "active"} == following
    assert desk.keys.listing(actor=OWNER) == second
    assert events(desk) == ["keys-rotated", "keys-rotated"]


def test_keys_do_not_sign_before_applications_can_know_them(desk, clock):
    """But those that may have been stolen are replaced at once."""
    first = desk.keys.rotate(actor=OWNER)
    for seconds in (0, METADATA_KEPT.total_seconds() - 1):
        clock.advance(seconds=seconds)
        with pytest.raises(Refused, match="by 2026-03-01 12:05 UTC, SAML ones by 2026-03-01 18:00 UTC"):
            desk.keys.rotate(actor=OWNER)
    assert desk.keys.listing(actor=OWNER) == first
    second = desk.keys.rotate(actor=OWNER, force=True)
    assert len(second) == len(first) + 2
    assert events(desk) == ["keys-rotated", "keys-rotated"]


def test_rules_are_replaced_as_a_whole(desk, store):
    data = [{"id": "staff", "conditions": {"groups": ["staff"]}, "controls": {"strength": "two"}}]
    rules = desk.policies.replace_all(data, actor=OWNER)
    assert [rule.id for rule in rules] == ["staff"]
    assert last_change(store)["noun"] == "rules"
    assert events(desk) == ["policy-changed"]
    with pytest.raises(Refused):
        desk.policies.replace_all([{"id": "x", "controls": {"strenght": "two"}}], actor=OWNER)
    assert events(desk) == ["policy-changed"]


def test_what_an_administrator_chose_outlives_a_new_copy_of_the_metadata(desk):
    first = desk.partners.import_metadata(
        METADATA, choices=SamlChoices(sign="assertion"), actor=OWNER
    ).partner
    again = desk.partners.import_metadata(METADATA, actor=OWNER).partner
    assert saml_settings(first).sign_response is False
    assert saml_settings(again).sign_response is False
    both = desk.partners.import_metadata(METADATA, choices=SamlChoices(sign="both"), actor=OWNER).partner
    assert saml_settings(both).sign_response is True


def test_what_was_chosen_can_be_changed_and_is_on_record(desk, store):
    partner = desk.partners.import_metadata(METADATA, actor=OWNER).partner
    choices = SamlChoices(
        sign="response", encrypt=Encrypt.NEVER, name_id="unspecified:employeenumber", clock_skew=60
    )
    changes = PartnerChanges(
        name="Costs", notes="Ask Bob.", release=("MAIL",), groups=("staff",), people=("ada",), saml=choices
    )
    changed = desk.partners.change(partner.id, changes, actor=OWNER)
    assert (changed.name, changed.notes, changed.release) == ("Costs", "Ask Bob.", ("mail",))
    assert (changed.access.groups, changed.access.people) == (("staff",), ("ada",))
    settings = saml_settings(changed)
    assert (settings.sign_response, settings.sign_assertion) == (True, False)
    assert (settings.name_id, settings.name_id_attribute) == ("unspecified", "employeeNumber")
    assert (settings.encrypt, settings.clock_skew) == (Encrypt.NEVER, 60)
    assert settings.acs == saml_settings(partner).acs
    assert last_change(store)["after"]["notes"] == "Ask Bob."
    assert events(desk) == ["partner-added", "partner-changed"]
    cleared = desk.partners.change(partner.id, PartnerChanges(release=(), groups=(), people=()), actor=OWNER)
    assert (cleared.release, cleared.access.groups, cleared.notes) == ((), (), "Ask Bob.")


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def encrypting() -> SamlSettings:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SamlSettings(encrypt=Encrypt.ALWAYS, encryption_keys=(EncryptionKey(certificate=Sp(key).pem),))


def tolerated(days: int, what: Weak = Weak.SHA1) -> SamlChoices:
    return SamlChoices(tolerate=Tolerated(what=what, until=NOW + timedelta(days=days)))


@pytest.mark.parametrize(
    "choices",
    [
        SamlChoices(encrypt=Encrypt.ALWAYS),
        SamlChoices(name_id="X509SubjectName"),
        SamlChoices(name_id="unspecified"),
        SamlChoices(name_id="persistent:mail"),
        SamlChoices(clock_skew=601),
        SamlChoices(clock_skew=-1),
        SamlChoices(relay_state="a\nb"),
        SamlChoices(relay_state="x" * 1001),
        tolerated(0),
        tolerated(400),
        # It would be sent readable from the date on.
        tolerated(10, Weak.CBC),
    ],
)
def test_a_choice_that_could_not_work_is_refused(choices):
    with pytest.raises(Refused):
        chosen(SamlSettings(), choices, now=NOW)


def test_a_weak_algorithm_is_allowed_until_a_date_one_by_one(encrypting):
    with_sha1 = chosen(encrypting, tolerated(30), now=NOW)
    both = chosen(with_sha1, tolerated(10, Weak.CBC), now=NOW)
    assert [each.what for each in both.tolerated] == [Weak.SHA1, Weak.CBC]
    assert both.tolerates(Weak.SHA1, NOW + timedelta(days=29))
    assert not both.tolerates(Weak.SHA1, NOW + timedelta(days=30))
    assert not chosen(both, SamlChoices(refuse=Weak.SHA1), now=NOW).tolerates(Weak.SHA1, NOW)
    # What has run out is forgotten at the next change.
    later = chosen(both, SamlChoices(sign="both"), now=NOW + timedelta(days=20))
    assert [each.what for each in later.tolerated] == [Weak.SHA1]


def test_what_is_encrypted_in_cbc_is_never_sent_readable(encrypting):
    made = chosen(encrypting, tolerated(10, Weak.CBC), now=NOW)
    for way in (Encrypt.AUTO, Encrypt.NEVER):
        with pytest.raises(Refused):
            chosen(made, SamlChoices(encrypt=way), now=NOW)
        freed = chosen(made, SamlChoices(encrypt=way, refuse=Weak.CBC), now=NOW)
        assert (freed.encrypt, freed.tolerated) == (way, ())


def test_saml_choices_are_for_saml_only(desk, wiki):
    with pytest.raises(Refused):
        desk.partners.change("wiki", PartnerChanges(saml=SamlChoices(sign="both")), actor=OWNER)
    assert desk.partners.change("wiki", PartnerChanges(name="W"), actor=OWNER).name == "W"
