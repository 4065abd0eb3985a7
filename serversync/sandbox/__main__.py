"""`python -m serversync.sandbox`: starts the servers, prints one line of JSON with their ports, runs until stopped.

Example: `python -m serversync.sandbox --smtp 2525 --pop3 2110 --ews 8080 --control 8025 --account alice@us.test:pw`.
Port 0 means any free port. Only loopback addresses are bound. SIGTERM and SIGINT end it; so does the end of standard
input with `--exit-with-stdin`, so that a killed parent leaves no orphan behind.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import signal
import ssl
import sys
import threading
from collections.abc import Sequence

from serversync.sandbox import control, pop3, smtp
from serversync.sandbox.ews import server as ews
from serversync.sandbox.store import World
from serversync.sandbox.tls import context_from_files, self_signed_context


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox as the command line says; returns the exit status."""
    options = parse(arguments)
    try:
        asyncio.run(run(options))
    except OSError as error:
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; exits with a message if it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m serversync.sandbox", description="A small world of mail servers.")
    for face in ("smtp", "pop3", "ews", "control"):
        parser.add_argument(f"--{face}", type=int, required=True, metavar="PORT", help="port, 0 for any free one")
    for face in ("pop3s", "smtps"):
        parser.add_argument(f"--{face}", type=int, metavar="PORT", help="port with implicit TLS; needs a certificate")
    for kind, meaning in (("account", "a mailbox one can sign in to"), ("service-account", "it may act as any other")):
        parser.add_argument(
            f"--{kind}", action="append", default=[], type=credentials, metavar="ADDRESS:PASSWORD", help=meaning
        )
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", help="private key (PEM)")
    parser.add_argument("--tls-self-signed", metavar="FILE", help="make a certificate, write its authority there (PEM)")
    parser.add_argument("--host", type=loopback, default="127.0.0.1", help="a loopback address (default %(default)s)")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input is closed")
    options = parser.parse_args(arguments)
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    if options.tls_cert and options.tls_self_signed:
        parser.error("--tls-self-signed makes its own certificate; leave out --tls-cert")
    wants_tls = options.pop3s is not None or options.smtps is not None
    if wants_tls and not (options.tls_cert or options.tls_self_signed):
        parser.error("--pop3s and --smtps need --tls-cert and --tls-key, or --tls-self-signed")
    return options


def credentials(text: str) -> tuple[str, str]:
    """ADDRESS:PASSWORD as two values."""
    address, colon, password = text.partition(":")
    if "@" not in address or not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PASSWORD")
    return address, password


def loopback(text: str) -> str:
    """A loopback address; anything else would show the sandbox to the network."""
    try:
        inside = ipaddress.ip_address(text).is_loopback
    except ValueError:
        inside = text == "localhost"
    if not inside:
        raise argparse.ArgumentTypeError(f"{text!r} is not a loopback address")
    return text


async def run(options: argparse.Namespace) -> None:
    """Start all servers, say so in one line, and wait for the end. Raises OSError if a port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.exit_with_stdin:
        threading.Thread(target=watch_standard_input, args=(loop, stop), daemon=True).start()
    servers = await start(founded_world(options), options)
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps({"ready": True, "host": options.host, **ports}), flush=True)
    await stop.wait()
    loop.set_exception_handler(lambda _, __: None)  # connections are cut from here on, which is no news
    for server in servers.values():
        server.close()


def founded_world(options: argparse.Namespace) -> World:
    """A world with the accounts of the command line, which every reset brings back."""
    world = World()

    def add_accounts() -> None:
        for address, password in options.account:
            world.add_account(address, password)
        for address, password in options.service_account:
            world.add_account(address, password, impersonate=True)

    world.on_reset.append(add_accounts)
    add_accounts()
    return world


async def start(world: World, options: argparse.Namespace) -> dict[str, asyncio.Server]:
    """Start the faces and the control endpoint; returns the servers by name. Raises OSError if a port is taken."""
    host = options.host
    tls = tls_context(world, options)
    servers = {
        "smtp": await smtp.serve(world, host, options.smtp, tls),
        "pop3": await pop3.serve(world, host, options.pop3, tls),
        "ews": await ews.serve(world, host, options.ews),
        "control": await control.serve(world, host, options.control),
    }
    if options.smtps is not None:
        servers["smtps"] = await smtp.serve(world, host, options.smtps, tls, implicit_tls=True)
    if options.pop3s is not None:
        servers["pop3s"] = await pop3.serve(world, host, options.pop3s, tls, implicit_tls=True)
    return servers


def tls_context(world: World, options: argparse.Namespace) -> ssl.SSLContext | None:
    """The TLS context that the command line asks for, if any."""
    if options.tls_self_signed:
        return self_signed_context(options.tls_self_signed, world.settings.host_name)
    return context_from_files(options.tls_cert, options.tls_key) if options.tls_cert else None


def watch_standard_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Block until standard input ends, then ask the loop to stop. Runs in a thread of its own."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
