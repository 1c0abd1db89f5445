"""idp sip: make phone calls over the organisation's own telephone system, by SIP."""

from __future__ import annotations

import os
import signal
import threading

import click

from idp.cli.output import say
from idp.core.errors import Refused
from idp.settings import load_settings
from idp.telephony.baresip import Trunk
from idp.telephony.server import ACCOUNT, SipGateway


@click.command()
@click.option(
    "--trunk", required=True, metavar="ADDRESS", help="Where calls go: sip:{number}@pbx.example.org"
)
@click.option("--caller", required=True, metavar="ADDRESS", help="Who calls: sip:4711@pbx.example.org")
@click.option("--user", default="", help="User name at the trunk; its password is in IDP_SIP_PASSWORD.")
@click.option("--interface", default="127.0.0.1", show_default=True, help="Our own network address.")
@click.option("--rtp-ports", default="20000-29998", show_default=True, help="Ports for sound.")
@click.option("--port", type=click.IntRange(1, 65535), default=8010, show_default=True)
def command(*, trunk: str, caller: str, user: str, interface: str, rtp_ports: str, port: int) -> None:
    """Make phone calls over the organisation's own telephone system.

    Runs beside the server, on this machine, and needs baresip, espeak-ng and sox. The server asks it as
    it asks Twilio: idp channel add-twilio-voice calls --api http://127.0.0.1:8010 with the token that
    stands in IDP_SIP_TOKEN as its secret.
    """
    token = os.environ.get("IDP_SIP_TOKEN", "")
    if len(token) < 16:
        raise Refused("Put a token of at least 16 characters into IDP_SIP_TOKEN.")
    if "{number}" not in trunk or any(not one.isprintable() or ";" in one for one in (caller, user)):
        raise Refused("The trunk is written like sip:{number}@pbx.example.org, the caller like sip:4711@pbx.")
    made = Trunk(
        address=trunk,
        caller=caller,
        user=user,
        password=os.environ.get("IDP_SIP_PASSWORD", ""),
        interface=interface,
        ports=rtp_ports,
    )
    gateway = SipGateway(trunk=made, provider=load_settings().base_url, token=token, port=port)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=gateway.serve, daemon=True).start()
    say(f"Making calls for {load_settings().base_url}, asked at port {gateway.port}, account {ACCOUNT}.")
    stop.wait()
    gateway.close()
