"""The console's pages about applications: adding, looking, approving; attack rows 18, 23, 42, 65."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from lxml import html

from idp.core.model import Partner
from idp.partners.documents import LIMIT
from idp.partners.saml import saml_settings
from idp.partners.sources import Mode
from tests.admin.conftest import TEST, Browser, Console
from tests.desk.site import ENTITY, KEYS, SIGNER, Site, metadata, moved, signed
from tests.partners.test_documents import group, pin

NEW = "/admin/applications/new"
EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


def upload(browser: Browser, data: bytes, name: str = "metadata.xml") -> Browser:
    # By hand: the test client would leave a temporary file open.
    head = f'--limit\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "multipart/form-data; boundary=limit"}
    return browser.post(NEW, head.encode() + data + b"\r\n--limit--\r\n", headers=headers)


def save(browser: Browser, **typed: str) -> Browser:
    return browser.post(browser.path, {"action": "save", **fields(browser), **typed})


def fields(browser: Browser) -> dict[str, str]:
    """Return what the page's form holds as it came."""
    form = html.fromstring(browser.text).get_element_by_id("name").getparent().getparent()
    return {
        field.name: field.value or ""
        for field in form.xpath(".//input[@name]")
        if field.get("type") != "radio" or field.checked
    }


def problem(browser: Browser) -> str:
    found = html.fromstring(browser.text).find_class("problem")
    return found[0].text_content().strip() if found else ""


def partners(console: Console) -> list[Partner]:
    return list(console.desk.partners.listing(actor=TEST))


# Adding -------------------------------------------------------------------------------------------
def test_a_file_is_looked_at_and_then_saved(console: Console, owner: Browser) -> None:
    assert "There is no application yet" in owner.open("/admin/applications").text
    upload(owner, metadata())
    assert owner.path.startswith(NEW + "/")
    assert ENTITY in owner.text
    assert "https://sp.example/acs" in owner.text
    assert "A certificate expired on" in owner.text
    assert partners(console) == []
    save(owner, name="Expenses", release="uid, mail")
    (made,) = partners(console)
    assert owner.path == f"/admin/applications/{made.id}"
    assert (made.name, made.release) == ("Expenses", ("uid", "mail"))
    assert "Expenses" in owner.open("/admin/applications").text
    actors = [line for line in console.log.getvalue().splitlines() if "partner-added" in line]
    assert f"person:{console.people['ada'].id}" in actors[0]


def test_an_address_is_looked_at_saved_and_followed(console: Console, owner: Browser, site: Site) -> None:
    owner.post(NEW, {"address": site.address, "fingerprint": ""})
    assert "The metadata is not signed" in owner.text
    save(owner, mode="hold")
    (made,) = partners(console)
    watched = console.desk.sources.show(made.id, actor=TEST)
    assert watched is not None
    assert (watched.source.place, watched.source.mode) == (site.address, Mode.HOLD)
    assert site.looks == 1  # what was shown is what was saved


def test_a_wrong_name_or_attribute_loses_nothing(console: Console, owner: Browser) -> None:
    upload(owner, metadata())
    page = owner.path
    save(owner, name="Expenses", release="not a name, mail")
    assert (owner.status, owner.path) == (422, page)
    assert "Attributes are named like" in problem(owner)
    assert fields(owner)["name"] == "Expenses"
    assert fields(owner)["release"] == "not a name, mail"
    save(owner, release="mail")
    assert [one.name for one in partners(console)] == ["Expenses"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"address": ""}, "Type an address, or choose a file."),
        ({"address": "http://10.0.0.1/metadata"}, "Only complete addresses"),
        ({"address": "ftp://app.example/m"}, "Only complete addresses"),
        ({"address": "https://app.example/m", "fingerprint": "zz"}, "64 hexadecimal digits"),
    ],
)
def test_what_can_not_be_used_is_said_and_stays_typed(
    owner: Browser, sent: dict[str, str], said: str
) -> None:
    owner.post(NEW, sent)
    assert owner.status == 422
    assert said in problem(owner)
    assert (
        html.fromstring(owner.text).get_element_by_id("address").value == sent["address"]
        or not sent["address"]
    )


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"<!DOCTYPE x><x/>", metadata().replace(b"SPSSO", b"IDPSSO"), b" " * (LIMIT + 1)]
)
def test_a_file_that_is_no_metadata_is_refused(console: Console, owner: Browser, data: bytes) -> None:
    upload(owner, data)
    assert owner.status == 422
    assert problem(owner)
    assert partners(console) == []


def test_a_file_beyond_all_measure_is_not_read(owner: Browser) -> None:
    assert upload(owner, b" " * (LIMIT + 200_000)).status == 413
    assert "too large to be the metadata of one application" in problem(owner)


def test_one_of_many_is_chosen(console: Console, owner: Browser) -> None:
    others = [metadata(entity_id=f"https://sp{number}.example/m").decode() for number in range(3)]
    upload(owner, group(*others).encode())
    assert "This metadata describes 3 applications." in owner.text
    owner.post(owner.path, {"entity": "https://nobody.example"})
    assert "does not describe that application" in problem(owner)
    owner.post(owner.path, {"entity": " https://sp1.example/m "})
    assert "https://sp1.example/m" in owner.text
    save(owner)
    assert [one.identifier for one in partners(console)] == ["https://sp1.example/m"]


def test_a_known_application_is_shown_with_what_would_change(console: Console, owner: Browser) -> None:
    console.desk.partners.import_metadata(metadata(), name="Costs", release=("mail",), actor=TEST)
    upload(owner, moved("https://new.example/acs"))
    assert "This application is there already" in owner.text
    assert "Make sure that this is meant." in owner.text
    save(owner)
    (only,) = partners(console)
    assert (only.name, only.release) == ("Costs", ("mail",))
    assert saml_settings(only).acs[0].location == "https://new.example/acs"


def test_a_signature_that_is_expected_must_be_there(console: Console, owner: Browser, site: Site) -> None:
    owner.post(NEW, {"address": site.address, "fingerprint": pin(SIGNER)})
    assert "not signed with the certificate" in problem(owner)
    site.data = signed(metadata())
    owner.post(NEW, {"address": site.address, "fingerprint": pin(SIGNER)})
    assert "By the expected certificate." in owner.text
    save(owner)
    assert len(partners(console)) == 1


def test_a_draft_is_its_owner_s_and_can_be_saved_once(console: Console, owner: Browser) -> None:
    console.add("eve", roles=("owner",))  # type: ignore[arg-type]
    upload(owner, metadata())
    draft = owner.path
    eve = console.browser().sign_in("eve")
    assert eve.open(draft).status == 410
    assert eve.post(draft, {"action": "save"}).status == 410
    save(owner)
    assert owner.open(draft).status == 410
    assert len(partners(console)) == 1
    upload(owner, metadata())
    console.clock.advance(hours=1, minutes=1)
    assert owner.open(owner.path).status == 410


# Looking ------------------------------------------------------------------------------------------
def test_changes_that_wait_are_shown_and_decided(console: Console, owner: Browser, site: Site) -> None:
    published = console.desk.sources.fetch(site.address, actor=TEST)
    made = console.desk.sources.watch(site.address, published, mode=Mode.HOLD, actor=TEST).partner
    page = f"/admin/applications/{made.id}"
    owner.open(page)
    assert "Changes wait" not in owner.text
    site.data = metadata(KEYS[0], KEYS[1])
    owner.post(page, {"action": "refresh"})
    assert "Changes wait for you" in owner.text
    assert "A new certificate may sign requests" in owner.text
    assert "Changes wait" in owner.open("/admin/applications").text
    seen = html.fromstring(owner.open(page).text).xpath("//input[@name='seen']/@value")[0]
    site.data = moved("https://evil.example/acs")
    console.desk.sources.refresh(made.id, actor=TEST)
    owner.post(page, {"action": "approve", "seen": seen})  # it is not what was looked at any more
    assert "look at it again" in problem(owner)
    owner.post(page, {"action": "approve"})
    assert "look at it again" in problem(owner)
    seen = html.fromstring(owner.open(page).text).xpath("//input[@name='seen']/@value")[0]
    owner.post(page, {"action": "reject", "seen": seen})
    assert "The changes are dropped." in owner.text
    site.data = metadata(KEYS[0], KEYS[1])
    owner.post(page, {"action": "refresh"})
    seen = html.fromstring(owner.text).xpath("//input[@name='seen']/@value")[0]
    owner.post(page, {"action": "approve", "seen": seen})
    assert "The changes are applied." in owner.text
    assert len(saml_settings(partners(console)[0]).certificates) == 2


def test_a_failure_is_shown(console: Console, owner: Browser, site: Site) -> None:
    published = console.desk.sources.fetch(site.address, actor=TEST)
    made = console.desk.sources.watch(site.address, published, actor=TEST).partner
    site.status = "404 Not Found"
    owner.post(f"/admin/applications/{made.id}", {"action": "refresh"})
    assert "The address answered with an error." in problem(owner)
    assert "Problem" in owner.open("/admin/applications").text


def test_an_application_is_switched_off_and_on(console: Console, owner: Browser) -> None:
    made = console.desk.partners.import_metadata(metadata(), actor=TEST).partner
    page = f"/admin/applications/{made.id}"
    owner.post(page, {"action": "disable"})
    assert not partners(console)[0].enabled
    owner.post(page, {"action": "enable"})
    assert partners(console)[0].enabled
    owner.post(page, {"action": "explode"})
    assert "could not be understood" in problem(owner)


def test_the_list_is_searched_and_bounded(console: Console, owner: Browser) -> None:
    for number in range(12):
        data = metadata(entity_id=f"https://sp{number}.example/m")
        console.desk.partners.import_metadata(data, name=f"App {number:02}", actor=TEST)
    owner.open("/admin/applications?q=APP+03")
    assert "App 03" in owner.text
    assert "App 04" not in owner.text
    assert "No application matches" in owner.open("/admin/applications?q=zzz").text
    for odd in ("%00", "%ff%fe", "a" * 5000, "%3Cscript%3E"):
        assert owner.open(f"/admin/applications?q={odd}").status == 200
        assert "<script>" not in unquote(owner.text).replace('<script type="module"', "")


def test_a_long_list_goes_on_on_the_next_page(console: Console, owner: Browser) -> None:
    for number in range(53):
        data = metadata(entity_id=f"https://sp{number}.example/m")
        console.desk.partners.import_metadata(data, name=f"App {number:02}", actor=TEST)
    owner.open("/admin/applications?q=app")
    assert "App 49" in owner.text
    assert "App 50" not in owner.text
    (further,) = html.fromstring(owner.text).xpath("//a[starts-with(., 'More')]/@href")
    owner.open(further)
    assert "App 49" not in owner.text
    assert "App 52" in owner.text
    assert "More applications" not in owner.text
    assert owner.open("/admin/applications?after=i-nobody").status == 404


@pytest.mark.parametrize("path", ["i-nobody", "console", "new/x", "..%2f..", "%00"])
def test_what_is_not_there_is_not_there(owner: Browser, path: str) -> None:
    assert owner.open(f"/admin/applications/{path}").status in {404, 410}


# Attacks ------------------------------------------------------------------------------------------
def test_case_18_names_in_metadata_are_only_names(console: Console, owner: Browser) -> None:
    """Display names, entity ids and logo addresses with markup or javascript: in them."""
    text = EVIL.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    ui = (
        '<md:Extensions><mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui">'
        f'<mdui:DisplayName xml:lang="en">{text}</mdui:DisplayName>'
        '<mdui:Logo height="1" width="1">javascript:alert(3)</mdui:Logo>'
        '<mdui:InformationURL xml:lang="en">javascript:alert(4)</mdui:InformationURL>'
        "</mdui:UIInfo></md:Extensions><md:KeyDescriptor"
    )
    data = metadata(entity_id=f"https://sp.example/{text}").replace(b"<md:KeyDescriptor", ui.encode(), 1)
    upload(owner, data)
    assert owner.status == 200, problem(owner)
    looked_at = [owner.text, save(owner).text, owner.open("/admin/applications").text]
    for page in looked_at:
        tree = html.fromstring(page)
        assert EVIL in tree.text_content()
        assert tree.xpath("//img") == []
        assert {script.get("type") for script in tree.xpath("//script")} == {"module"}
        assert "49" not in tree.xpath("string(//h1)")
        assert not [value for value in tree.xpath("//@href | //@src | //@action") if "javascript:" in value]


def test_case_18_addresses_that_run_scripts_are_refused(console: Console, owner: Browser) -> None:
    for location in ("javascript:alert(1)", "data:text/html,x", "https://a.example/&quot;onclick=1"):
        upload(owner, metadata().replace(b"https://sp.example/acs", location.encode()))
        assert owner.status == 422
    assert partners(console) == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
)
def test_case_65_forms_of_other_sites_are_refused(
    console: Console, owner: Browser, headers: dict[str, str]
) -> None:
    made = console.desk.partners.import_metadata(metadata(), actor=TEST).partner
    page = f"/admin/applications/{made.id}"
    for path, sent in (
        (NEW, {"address": "https://a.example"}),
        (page, {"action": "disable"}),
        (f"{NEW}/x", {}),
    ):
        owner.post(path, sent, headers=headers)
        assert owner.status == 400
        assert "sent from another site" in owner.text
    assert partners(console)[0].enabled


def test_in_arabic_every_sentence_is_arabic(owner: Browser) -> None:
    upload(owner, metadata().replace(b"https://sp.example/acs", b"http://sp.example/acs"))
    owner.open(owner.path, **{"Accept-Language": "ar"})
    said = " ".join(each.text_content() for each in html.fromstring(owner.text).find_class("notice"))
    assert "Answers" not in said
    assert "certificate" not in said
    assert "\u2068http://sp.example/acs\u2069" in said
