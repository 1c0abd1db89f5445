"""The files in deploy/ are what they say: checked by the programs they are for, and against the code."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from idp.cli import main
from idp.settings import Settings
from tests.peers import require

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_SETTINGS = {f"IDP_{name.upper()}" for name in Settings.model_fields} | {"IDP_CONFIG"}
_MOST_EXPOSED = 20  # of 100, by systemd's own measure; a unit without any protection has 96


@pytest.fixture
def unit(tmp_path) -> Path:
    """Return the unit, with the program and account of this machine in it."""
    text = (DEPLOY / "countersign.service").read_text()
    ours = text.replace("/opt/countersign/.venv/bin/idp", str(Path(sys.executable).with_name("idp")))
    path = tmp_path / "countersign.service"
    path.write_text(re.sub(r"(?m)^(User|Group)=.*$", r"\1=daemon", ours))
    return path


def test_the_unit_is_understood_and_protects(unit):
    analyze = require("systemd-analyze")
    verified = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={_MOST_EXPOSED}", unit]
    measured = subprocess.run(command, capture_output=True, text=True, check=False)
    assert measured.returncode == 0, measured.stdout


def test_every_setting_named_exists():
    named = {
        name
        for path in DEPLOY.iterdir()
        for line in path.read_text().splitlines()
        for name in re.findall(r"\bIDP_[A-Z_]+", line)
    }
    assert named
    assert named <= _SETTINGS


def test_the_settings_file_is_taken():
    given = tomllib.loads((DEPLOY / "idp.toml").read_text())
    settings = Settings(**given)
    assert settings.base_url == "https://login.example.org"
    assert settings.listen == "127.0.0.1:8000"


def test_the_image_copies_what_is_there():
    text = (DEPLOY / "Containerfile").read_text()
    copied = [line.split()[1:-1] for line in text.splitlines() if re.match(r"COPY (?!--from)", line)]
    names = [name for line in copied for name in line]
    assert {"requirements.lock", "idp", "templates", "static", "metadata"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_containers_run_commands_that_exist():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("web", "worker"):
        noun, *options = services[name]["command"]
        command = main.get_command(None, noun)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options) <= known, name
    mounted = [volume.split(":")[0] for volume in services["nginx"]["volumes"]]
    assert [path for path in mounted if path.startswith("./") and not (DEPLOY / path).exists()] == []


def test_only_the_proxy_s_own_address_is_believed():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    proxy = ip_address(compose["services"]["nginx"]["networks"]["default"]["ipv4_address"])
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    # Nobody else is given it.
    assert proxy in ip_network(network["subnet"])
    assert proxy not in ip_network(network["ip_range"])
    for name in ("web", "worker"):
        assert compose["services"][name]["environment"]["IDP_TRUSTED_PROXIES"] == str(proxy)
