"""Who forgot the password chooses a new one: behind which ways, and what comes of it."""

from __future__ import annotations

from html import unescape

import pytest

from idp.audit import AuditLog, Filter
from idp.core.model import Role
from idp.desk.records import Told
from idp.desk.stories import tell
from tests.admin.conftest import PASSWORD, TEST, Browser, Console
from tests.portal.acts import NEW, add_passkey, carriers, methods, sent, sign_in_path
from tests.portal.forgetting import (
    PHONE,
    access_pass,
    app_code,
    asked,
    choose,
    codes,
    ends_well,
    first,
    forgot,
    method_of,
    password_is,
    phone,
    phone_app,
    phone_code,
    second,
    show,
    shown_both,
    text_of,
    type_new,
    untouched,
)


def rules(console: Console, *given: dict[str, object]) -> None:
    policy = [{"id": f"r{number}", "name": "A rule", **one} for number, one in enumerate(given)]
    console.desk.policies.replace_all(policy, actor=TEST)


# What comes of it -------------------------------------------------------------------------------
def test_a_new_password_is_chosen_and_everything_else_ends(console: Console, ada: Browser) -> None:
    carriers(console)
    phone(console)
    browser = shown_both(console)
    sent(console)
    assert "Your password is changed" in type_new(browser).text
    assert ada.open("/me").path.startswith("/signin/")
    assert browser.open("/me").path.startswith("/signin/"), "nobody is signed in by it"
    assert password_is(console, NEW)
    assert not password_is(console, PASSWORD)
    told = {one["to"]: one["text"] for one in sent(console)}
    assert set(told) == {"ada@example.org", PHONE}
    for text in told.values():
        assert "Forgot your password?" in text
        assert "tell whoever helps you" in text
    assert "This was not me" not in told["ada@example.org"], "with another's password they can't get there"
    assert NEW not in console.log.getvalue()


def test_it_is_on_record_at_me_and_in_the_story(console: Console) -> None:
    type_new(shown_both(console))
    with console.store.read() as connection:
        (event,) = AuditLog.search(connection, Filter(event="password-reset"))
        together = AuditLog.search(connection, Filter(correlation=event.correlation))
    assert (event.event_id, event.partner, event.person) == (1204, "reset", console.people["ada"].id)
    assert event.detail["shown"] == ["totp", "recovery"]
    story = tell([Told(recorded=one, person="ada", partner="Password reset") for one in reversed(together)])
    assert [line.text for line in story.lines][-1] == (
        "The person chose a new password, behind code from the authenticator app and recovery code, "
        "and was signed out everywhere."
    )
    form = console.browser().open("/me")
    form.post(sign_in_path(form), {"factor": "password", "method": "", "username": "ada", "password": NEW})
    second(console, form, "totp", app_code(console))
    assert "A new password, after “Forgot your password?”" in form.text


def test_wrong_tries_at_the_old_password_are_forgotten(console: Console) -> None:
    stranger = console.browser().open("/me")
    for _ in range(11):
        given = {"factor": "password", "method": "", "username": "ada", "password": "x"}
        stranger.post(sign_in_path(stranger), given)
    type_new(shown_both(console))
    assert password_is(console, NEW)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short", "at least 8"),
        ("aaaabbbb", "repeats itself"),
        ("my name is ADA", "your user name"),
        ("x1y2" * 300, "1024 bytes"),
        ("", "at least 8"),
    ],
)
def test_what_is_easy_to_guess_is_refused_and_another_tried(console: Console, new: str, why: str) -> None:
    browser = shown_both(console)
    assert why in unescape(type_new(browser, new).text)
    assert ends_well(browser)
    assert "Your password is changed" in type_new(browser).text


# Where one comes from and goes to ---------------------------------------------------------------
def test_it_goes_on_with_the_sign_in_it_was_begun_from(console: Console) -> None:
    browser = console.browser().open("/me")
    begun = sign_in_path(browser)
    mine = codes(console)
    forgot(browser)
    first(browser, "totp", app_code(console))
    second(console, browser, "recovery", mine[0])
    assert f'href="{begun}"' in type_new(browser).text
    browser.open(begun)
    given = {"factor": "password", "method": "", "username": "ada", "password": NEW}
    browser.post(begun, given)
    second(console, browser, "totp", app_code(console))
    assert browser.path == "/me"


def test_cancelling_goes_back_there_too(console: Console) -> None:
    browser = console.browser().open("/me")
    begun = sign_in_path(browser)
    forgot(browser)
    assert browser.post(sign_in_path(browser) + "/cancel").path == begun
    assert asked(browser) == "password"
    assert console.browser().open("/reset").status == 200


def test_without_a_sign_in_it_ends_at_the_first_page(console: Console) -> None:
    browser = console.browser().open("/reset")
    assert browser.post(sign_in_path(browser) + "/cancel").path == "/"


# Which ways -------------------------------------------------------------------------------------
def test_a_recovery_code_and_then_a_text(console: Console) -> None:
    carriers(console)
    phone(console)
    mine, browser = codes(console), console.browser().open("/reset")
    first(browser, "recovery", mine[0])
    choose(browser, "sms", method_of(console, "sms"))
    text = text_of(console)
    assert "sets a new password for Countersign" in text, "it does not say that it signs anybody in"
    assert ends_well(second(console, browser, "sms", text.rpartition("#")[2]))


def test_a_recovery_code_and_then_the_phone_app_which_is_asked_by_then(console: Console) -> None:
    phone_app(console)
    browser = first(console.browser().open("/reset"), "recovery", codes(console)[0])
    assert "Check your phone" in browser.text
    assert ends_well(second(console, browser, "push", phone_code(console)))


def test_all_that_is_on_a_phone_is_one_way(console: Console) -> None:
    """Whoever finds it unlocked has the app, the phone app, texts and calls."""
    carriers(console)
    phone_app(console)
    phone(console)
    browser = first(console.browser().open("/reset"), "push", phone_code(console))
    assert "two other ways to sign in" in browser.text
    assert untouched(console)


def test_what_was_set_up_within_a_day_does_not_count(console: Console, ada: Browser) -> None:
    """Whoever finds her page open may add ways of their own, and must not get the password by them."""
    mine = codes(console)
    browser = console.browser().open("/reset")
    typed = {"factor": "totp", "method": "", "username": "ada", "code": app_code(console)}
    browser.post(sign_in_path(browser), typed)
    assert "set up more than a day ago" in browser.text
    assert untouched(console)
    console.clock.advance(hours=25)
    new = codes(console)
    browser = console.browser().open("/reset")
    browser.post(sign_in_path(browser), {**typed, "code": app_code(console)})
    assert "set up more than a day ago" in browser.text, "the codes are new"
    assert mine != new


def test_a_passkey_and_then_an_app(console: Console, ada: Browser) -> None:
    key = add_passkey(ada)
    browser = show(console.browser().open("/reset"), key)
    assert asked(browser) == "totp"
    assert ends_well(second(console, browser, "totp", app_code(console)))


def test_an_app_and_then_a_passkey(console: Console, ada: Browser) -> None:
    key = add_passkey(ada)
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    assert "Use your passkey" in browser.text
    assert ends_well(show(browser, key))


def test_a_second_token_or_one_of_several_opens_it_as_well(console: Console) -> None:
    mine = codes(console)
    other = console.desk.methods.add_totp("ada", seed=b"another token's seed", actor=TEST)
    assert other
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    assert asked(browser) == "recovery", "another app is not another kind"
    assert ends_well(second(console, browser, "recovery", mine[0]))


def test_one_kind_is_not_enough_and_what_to_do_is_said(console: Console) -> None:
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    assert "two other ways to sign in" in browser.text
    assert "can set a new password for you" in browser.text
    assert browser.post(sign_in_path(browser) + "/cancel").path == "/"
    assert untouched(console)


def test_texts_and_calls_are_one_kind_and_cannot_come_first(console: Console) -> None:
    carriers(console)
    phone(console)
    sent(console)
    browser = console.browser().open("/reset")
    for factor in ("sms", "call", "password", "pass"):
        choose(browser, factor, method_of(console, "sms") if factor == "sms" else "")
        assert asked(browser) == "totp"
        given = {"factor": factor, "method": "", "username": "ada", "password": PASSWORD, "code": "000000"}
        assert asked(browser.post(sign_in_path(browser), given)) == "totp"
    assert sent(console) == []


def test_a_pass_of_an_administrators_does_not_count(console: Console) -> None:
    given = access_pass(console)
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    assert "two other ways to sign in" in browser.text
    second(console, browser, "pass", given)
    assert not ends_well(browser)


def test_nor_does_the_password(console: Console) -> None:
    codes(console)
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    given = {"factor": "password", "method": "", "username": "ada", "password": PASSWORD}
    assert asked(browser.post(sign_in_path(browser), given)) == "recovery"


# What rules say ---------------------------------------------------------------------------------
def test_a_rule_forbids_it(console: Console) -> None:
    rules(console, {"conditions": {"partners": ["reset"]}, "controls": {"deny": True}})
    browser = console.browser().open("/reset")
    assert "choose a new password yourself" in browser.text
    assert "Forgot your password?" not in browser.text


def test_a_rule_forbids_it_to_some_once_it_is_known_who_it_is(console: Console) -> None:
    denied = {"conditions": {"partners": ["reset"], "people": ["ada"]}, "controls": {"deny": True}}
    rules(console, denied)
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    assert "choose a new password yourself" in browser.text
    assert ends_well(shown_both(console, "bob"))


def test_a_list_of_methods_restricts_what_counts(console: Console) -> None:
    rules(console, {"controls": {"methods": ["totp", "sms"]}})
    codes(console)
    browser = console.browser().open("/reset")
    assert "Recovery codes" not in browser.text
    assert "two other ways" in first(browser, "totp", app_code(console)).text


def test_where_one_factor_is_enough_two_ways_are_needed_all_the_same(console: Console) -> None:
    rules(console, {"controls": {"strength": "one"}})
    codes(console)
    browser = first(console.browser().open("/reset"), "totp", app_code(console))
    assert asked(browser) == "recovery"


def test_where_only_passkeys_are_strong_enough_one_is_needed(console: Console, ada: Browser) -> None:
    key, mine = add_passkey(ada), codes(console)
    rules(console, {"controls": {"strength": "phishing-resistant"}})
    browser = first(console.browser().open("/reset"), "recovery", mine[0])
    assert asked(browser) == "passkey"
    assert ends_well(show(browser, key))


def test_an_owner_may_as_well(console: Console) -> None:
    console.add("grace", roles=(Role.OWNER,))
    assert "Your password is changed" in type_new(shown_both(console, "grace")).text


def test_no_method_comes_or_goes(console: Console) -> None:
    browser = shown_both(console)
    before = methods(console)
    type_new(browser)
    assert methods(console) == before
