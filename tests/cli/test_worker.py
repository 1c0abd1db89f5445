"""idp worker as a program, with no server beside it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.cli.conftest import IDP


@pytest.mark.parametrize("token", ["", "a token for Prometheus"], ids=["uncounted", "counted"])
def test_it_runs_alone_until_it_is_told_to_stop(data, token):
    environment = os.environ | {"IDP_DATA": str(data), "IDP_METRICS_TOKEN": token}
    with subprocess.Popen(
        [IDP, "worker"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as worker:
        try:
            assert worker.stdout.readline() == "The worker runs.\n"
        finally:
            worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)
        assert (worker.returncode, said) == (0, "")
