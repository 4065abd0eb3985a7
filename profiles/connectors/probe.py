"""Trying a server out step by step, for people who set up a profile. Nothing is ever sent or changed by it.

First the way is looked at without credentials: name, host guard, connection, encryption, greeting, abilities. Then the
connector itself signs in, exactly as it will do later and exactly once, so that a wrong password locks no account. The
first step that fails ends the probe, as all later ones depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from profiles.connectors import network
from profiles.connectors.base import AuthenticationFailed, Cause, ConnectorError
from profiles.connectors.certificates import Certificate, read_certificate, what_helps
from profiles.connectors.network import CHECK_PORT
from profiles.connectors.pop3 import client as pop3
from profiles.connectors.probe_modes import WORDS, what_answers
from profiles.connectors.probe_talks import TALKS, HttpTalk, Pop3Talk, Talk
from profiles.connectors.smtp import SmtpOutbox
from profiles.items import INBOX, Access, Tls, Transport, no_progress

NAME, GUARD, CONNECT, ENCRYPT = "Find the host", "Allowed host", "Connect", "Encrypt"
GREETING, ABILITIES, SIGN_IN, OPEN = "Greeting", "Abilities", "Sign in", "Open the inbox"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried: `words` say what was found or what the server said, `remedy` which setting to change.

    A step may be `ok` and still a `warning`: it works, but somebody should look at it. `cause` is that of the error.
    """

    name: str
    ok: bool
    words: str = ""
    remedy: str = ""
    warning: bool = False
    cause: str = ""


class _Ended(Exception):
    """A step failed; the steps so far say all."""


class _Trace:
    """The steps so far."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def good(self, name: str, words: str) -> None:
        self.steps.append(Step(name, True, words))

    def warn(self, name: str, words: str, remedy: str) -> None:
        self.steps.append(Step(name, True, words, remedy, warning=True))

    def bad(self, name: str, words: str, remedy: str, cause: str = "") -> _Ended:
        self.steps.append(Step(name, False, words, remedy, cause=cause))
        return _Ended()

    @contextmanager
    def trying(self, name: str) -> Iterator[None]:
        """What the connector raises becomes a failed step."""
        try:
            yield
        except ConnectorError as error:
            raise self.bad(name, _words(error), error.remedy, error.cause) from error

    @contextmanager
    def trying_mode(self, name: str, access: Access) -> Iterator[None]:
        """The same of a step that shows whether the encryption of the profile is the one that the port speaks (2.6)."""
        try:
            yield
        except ConnectorError as error:
            mode = "without encryption" if access.tls is Tls.NONE else f"with {WORDS[access.tls.value]}"
            tried = f"Tried {mode}: {_words(error)}"
            found, helps = what_answers(access, error.cause)
            words, remedy = " ".join(filter(None, [tried, found])), helps or error.remedy or CHECK_PORT
            raise self.bad(name, words, remedy, Cause.TLS_MODE if found else error.cause) from error


def probe(access: Access, now: datetime | None = None) -> tuple[Step, ...]:
    """Try the server of `access`, and return what was tried and found, up to the first failure. Never raises for
    trouble with the server. No wait is longer than `access.timeout`. Wrong credentials are tried once."""
    trace = _Trace()
    try:
        _look(access, trace, now or datetime.now(UTC))
        _SIGN_IN[access.transport](access, trace)
    except _Ended:
        pass
    return tuple(trace.steps)


def _look(access: Access, trace: _Trace, now: datetime) -> None:
    """The way to the server, without credentials."""
    access = _plain_target(access, trace)
    talk = _connected(access, trace)
    try:
        if access.tls is Tls.IMPLICIT:
            _encrypt(access, talk, trace, now)
        _greet(access, talk, trace)
        if access.tls is Tls.STARTTLS:
            with trace.trying_mode(ENCRYPT, access):
                talk.ask_for_tls()
            _encrypt(access, talk, trace, now)
        elif access.tls is Tls.NONE and access.host not in access.allowed_local_hosts:
            trace.warn(
                ENCRYPT,
                "The connection is not encrypted: passwords and mail can be read on the way.",
                "Turn encryption on in the server profile.",
            )
        _name_abilities(talk, trace)
    finally:
        talk.connection.close()


def _plain_target(access: Access, trace: _Trace) -> Access:
    """The access with host, port and encryption spelled out, for Exchange from its address."""
    if access.transport is not Transport.EWS:
        return replace(access, port=access.port or TALKS[access.transport].ports[access.tls])
    url = urlsplit(access.url)
    try:
        port = url.port
    except ValueError:
        port, url = None, urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise trace.bad(
            NAME,
            f"“{access.url}” is no address of an Exchange server.",
            "Enter an address such as https://mail.example.com/EWS/Exchange.asmx.",
            Cause.SETTINGS,
        )
    tls = Tls.IMPLICIT if url.scheme == "https" else Tls.NONE
    return replace(access, host=url.hostname, port=port or HttpTalk.ports[tls], tls=tls)


def _connected(access: Access, trace: _Trace) -> Talk:
    with trace.trying(NAME):
        found = network._resolve(access, access.port)
    addresses = ", ".join(dict.fromkeys(str(address[0]) for _, address in found))
    trace.good(NAME, f"{access.host} is {addresses}.")
    with trace.trying(GUARD):
        network._refuse_local(access, found)
    trace.good(GUARD, f"{access.host} may be connected to.")
    with trace.trying(CONNECT):
        talk = TALKS[access.transport](replace(access, tls=Tls.NONE))
    trace.good(CONNECT, f"Port {access.port} answers.")
    return talk


def _encrypt(access: Access, talk: Talk, trace: _Trace, now: datetime) -> None:
    with trace.trying_mode(ENCRYPT, access):
        try:
            talk.start_tls()
        except ConnectorError as error:
            code = getattr(error.__cause__, "verify_code", 0)
            if not code:
                raise
            certificate = _refused_certificate(access)
            words = f"{_words(error)} The server shows the {certificate.sentence}." if certificate else _words(error)
            helps = what_helps(code, access.host, certificate) or error.remedy
            raise trace.bad(ENCRYPT, words, helps, error.cause) from error
    version, der = talk.connection.encryption()
    certificate = read_certificate(der)
    shown = f"{version}, {certificate.sentence}; it fits {access.host}." if certificate else f"{version}."
    words = f"{WORDS[access.tls.value]}: {shown}"
    if certificate and certificate.ends_soon(now):
        trace.warn(ENCRYPT, words, "The certificate ends within two weeks: renew it on the mail server.")
    else:
        trace.good(ENCRYPT, words)


def _refused_certificate(access: Access) -> Certificate | None:
    """What the server shows to somebody who trusts everybody, to explain the refusal."""
    try:
        talk = TALKS[access.transport](replace(access, tls=Tls.NONE))
        if access.tls is Tls.STARTTLS:
            talk.greeting()
            talk.ask_for_tls()
        return read_certificate(talk.connection.shown_certificate())
    except ConnectorError:
        return None


def _greet(access: Access, talk: Talk, trace: _Trace) -> None:
    if not talk.greets:
        return
    with trace.trying_mode(GREETING, access):
        words = talk.greeting()
    trace.good(GREETING, f"The server said: {words}" if words else "The server greets.")


def _name_abilities(talk: Talk, trace: _Trace) -> None:
    if not talk.greets:
        return
    with trace.trying(ABILITIES):
        abilities = talk.abilities()
    words = ", ".join(abilities) or "none told"
    if not isinstance(talk, Pop3Talk) or "PIPELINING" in abilities:
        trace.good(ABILITIES, words)
    else:
        trace.warn(ABILITIES, words, "Nothing to change here: without PIPELINING the server is only slower.")


def _no_credentials(trace: _Trace) -> None:
    trace.warn(
        SIGN_IN,
        "Not tried: there are no credentials to try.",
        "Choose a mailbox whose credentials shall be used, or enter user name and password in the profile.",
    )


def _sign_in_pop3(access: Access, trace: _Trace) -> None:
    if not access.username:
        return _no_credentials(trace)
    with trace.trying(SIGN_IN):
        session = pop3.Pop3Session(access, no_progress)
    trace.good(SIGN_IN, f"{access.username} is signed in.")
    try:
        with trace.trying(OPEN):
            held = len(session.maildrop())
    finally:
        session.close()
    return trace.good(OPEN, f"{held} message{'' if held == 1 else 's'}; each has a unique id (UIDL).")


def _sign_in_smtp(access: Access, trace: _Trace) -> None:
    outbox = SmtpOutbox(access)
    try:
        with trace.trying(SIGN_IN):
            outbox.sign_in()
        if access.username:
            trace.good(SIGN_IN, f"{access.username} is signed in.")
        else:
            trace.good(SIGN_IN, "Not signed in, as no credentials are given.")
        with trace.trying("Ready to send"):
            words = outbox.noop()
        trace.good("Ready to send", f"The server said: {words}. Nothing was sent.")
    finally:
        outbox.close()


def _sign_in_exchange(access: Access, trace: _Trace) -> None:
    # Loaded on first use, as everywhere: a POP3 installation never loads the Exchange client.
    from profiles.connectors.ews import mail

    if not access.username:
        return _no_credentials(trace)
    source = mail.EwsSource(access)
    try:
        for name, folder in ((OPEN, INBOX), ("Open Drafts", "drafts")):
            try:
                source.touch(folder)
            except AuthenticationFailed as error:
                raise trace.bad(SIGN_IN, _words(error), error.remedy, error.cause) from error
            except ConnectorError as error:
                raise trace.bad(name, _words(error), error.remedy, error.cause) from error
            if folder == INBOX:
                whom = f" and acts as {access.address}" if access.impersonate else ""
                trace.good(SIGN_IN, f"{access.username} is signed in{whom}.")
            trace.good(name, f"The folder of {access.address} can be read.")
    finally:
        source.close()
    return None


def _words(error: ConnectorError) -> str:
    sentence, said = str(error).rstrip("."), error.words.rstrip(". ")
    return f"{sentence}. The answer was: {said}." if said and said not in sentence else f"{sentence}."


_SIGN_IN = {
    Transport.POP3: _sign_in_pop3,
    Transport.SMTP: _sign_in_smtp,
    Transport.EWS: _sign_in_exchange,
}
