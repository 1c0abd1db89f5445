"""Settings: where they come from, what is refused, and how it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.settings import Settings, SettingsError, checked_bind, is_loopback, load_settings

pytestmark = pytest.mark.usefixtures("nothing_set")


def problems() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value.problems


def test_without_anything_it_runs_on_localhost_with_sqlite(nothing_set):
    settings = load_settings()
    assert settings.base_url == "http://localhost:8000"
    assert settings.data == nothing_set / "var"
    assert settings.database == f"sqlite:///{nothing_set / 'var' / 'idp.db'}"
    assert settings.listen == "127.0.0.1:8000"
    assert settings.state_url == ""
    assert (settings.workers, settings.threads) == (2, 24)
    assert settings.master_key is None


def test_the_environment_is_stronger_than_the_file(nothing_set, monkeypatch):
    (nothing_set / "idp.toml").write_text('base_url = "https://a.example"\nworkers = 3\n')
    monkeypatch.setenv("IDP_BASE_URL", "https://b.example")
    settings = load_settings()
    assert settings.base_url == "https://b.example"
    assert settings.workers == 3


def test_an_empty_variable_counts_as_not_set(nothing_set, monkeypatch):
    (nothing_set / "idp.toml").write_text("workers = 3\n")
    monkeypatch.setenv("IDP_WORKERS", "")
    assert load_settings().workers == 3


def test_idp_config_names_another_file(nothing_set, monkeypatch):
    (nothing_set / "other.toml").write_text("workers = 5\n")
    monkeypatch.setenv("IDP_CONFIG", "other.toml")
    assert load_settings().workers == 5


def test_a_named_file_must_exist(monkeypatch):
    monkeypatch.setenv("IDP_CONFIG", "missing.toml")
    assert problems() == ("missing.toml: cannot be read (No such file or directory).",)


def test_a_broken_file_is_said(nothing_set):
    (nothing_set / "idp.toml").write_text("workers = \n")
    assert problems()[0].startswith("idp.toml: is not TOML (")


def test_typos_are_reported_with_what_was_meant(nothing_set, monkeypatch):
    (nothing_set / "idp.toml").write_text('base_ulr = "x"\n')
    monkeypatch.setenv("IDP_WORKER", "3")
    assert problems() == (
        "IDP_WORKER: there is no such setting. Did you mean IDP_WORKERS?",
        "base_ulr: there is no such setting. Did you mean base_url?",
    )


def test_everything_wrong_is_said_at_once(monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "http://login.example.org")
    monkeypatch.setenv("IDP_WORKERS", "many")
    monkeypatch.setenv("IDP_LOG_FORMAT", "xml")
    assert [problem.split(" ")[0] for problem in problems()] == ["base_url", "workers", "log_format"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://login.example.org", "https://login.example.org"),
        ("https://LOGIN.example.org:443/", "https://login.example.org"),
        ("https://login.example.org:8443", "https://login.example.org:8443"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://app.localhost:1", "http://app.localhost:1"),
    ],
)
def test_good_base_urls(monkeypatch, given, kept):
    monkeypatch.setenv("IDP_BASE_URL", given)
    assert load_settings().base_url == kept


@pytest.mark.parametrize(
    "bad",
    [
        "login.example.org",
        "ftp://login.example.org",
        "https://",
        "https://login.example.org/idp",
        "https://login.example.org?x=1",
        "https://login.example.org#x",
        "https://user@login.example.org",
        "https://login.example.org:99999",
        "https://login.example.org:x",
        "http://login.example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "https://löwe.example",
        "http://[::1",
    ],
)
def test_bad_base_urls(monkeypatch, bad):
    monkeypatch.setenv("IDP_BASE_URL", bad)
    assert [problem.split(":")[0] for problem in problems()] == ["base_url (IDP_BASE_URL)"]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_base_url_is_kept_or_refused(text):
    try:
        settings = Settings(base_url=text)
    except ValueError:
        return
    assert settings.base_url.startswith(("https://", "http://"))
    assert Settings(base_url=settings.base_url).base_url == settings.base_url


def test_the_port_of_a_local_address_is_the_port_to_listen_on(monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "http://localhost:9123")
    assert load_settings().listen == "127.0.0.1:9123"
    monkeypatch.setenv("IDP_BIND", "0.0.0.0:80")
    assert load_settings().listen == "0.0.0.0:80"


def test_the_port_of_a_public_address_is_the_proxys(monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "https://login.example.org:8443")
    assert load_settings().listen == "127.0.0.1:8000"


@pytest.mark.parametrize(
    "bad", ["", "8000", ":8000", "localhost", "::1:8000", "[::1]", "x:0", "x:65536", "x:٣"]
)
def test_bad_binds(bad):
    with pytest.raises(ValueError, match="must"):
        checked_bind(bad)


def test_trusted_proxies_are_networks(nothing_set, monkeypatch):
    monkeypatch.setenv("IDP_TRUSTED_PROXIES", "10.0.0.1, 192.168.0.0/16,::1")
    assert load_settings().trusted_proxies == ("10.0.0.1/32", "192.168.0.0/16", "::1/128")
    monkeypatch.delenv("IDP_TRUSTED_PROXIES")
    (nothing_set / "idp.toml").write_text('trusted_proxies = ["10.0.0.0/8"]\n')
    assert load_settings().trusted_proxies == ("10.0.0.0/8",)


@pytest.mark.parametrize("bad", ["everywhere", "10.0.0.1/8", "10.0.0.0/33"])
def test_bad_proxies(monkeypatch, bad):
    monkeypatch.setenv("IDP_TRUSTED_PROXIES", bad)
    assert problems()[0].startswith("trusted_proxies (IDP_TRUSTED_PROXIES): must be")


@pytest.mark.parametrize("bad", ["mysql://user:hidden@host/db", "sqlite://", "sqlite:///", "hidden"])
def test_database_urls_of_other_kinds_are_refused_without_being_repeated(monkeypatch, bad):
    monkeypatch.setenv("IDP_DATABASE_URL", bad)
    assert problems() == (
        "database_url (IDP_DATABASE_URL): must be like sqlite:///path/to/idp.db or postgresql://user@host/name.",
    )


def test_the_master_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY", "hidden")
    settings = load_settings()
    assert "hidden" not in repr(settings)
    assert "hidden" not in str(settings.model_dump())


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.example", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(host, local):
    assert is_loopback(host) is local


def test_a_home_that_nobody_has_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("IDP_DATA", "~nobody-has-this-name/var")
    assert problems() == ("data (IDP_DATA): must be a folder; nobody on this machine has that name after ~.",)


def test_what_requests_that_go_out_may_reach(monkeypatch):
    settings = load_settings()
    assert (settings.outbound_networks, settings.outbound_ports, settings.outbound_ca) == (
        (),
        (443, 8443),
        None,
    )
    monkeypatch.setenv("IDP_OUTBOUND_NETWORKS", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("IDP_OUTBOUND_PORTS", "443,9443")
    settings = load_settings()
    assert settings.outbound_networks == ("10.0.0.0/8", "fd00::/8")
    assert settings.outbound_ports == (443, 9443)


def test_a_private_authority_must_be_a_file_of_certificates(nothing_set, monkeypatch):
    monkeypatch.setenv("IDP_OUTBOUND_CA", "missing.pem")
    assert problems() == ("outbound_ca (IDP_OUTBOUND_CA): must name a file of PEM certificates.",)
    (nothing_set / "missing.pem").write_text("no certificate")
    assert problems() == ("outbound_ca (IDP_OUTBOUND_CA): must name a file of PEM certificates.",)


def test_another_master_key_is_not_left_unused(nothing_set, monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY_OTHER", "bWFzdGVy")
    (problem,) = problems()
    assert problem.startswith("master_key_other (IDP_MASTER_KEY_OTHER): goes with IDP_MASTER_KEY only")
    assert "bWFzdGVy" not in problem
