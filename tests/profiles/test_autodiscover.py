"""Autodiscover: the server of an address is found, and credentials go nowhere in clear (2.7, laws 8 and 10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from profiles.connectors import discover_exchange, open_source
from profiles.connectors.base import AuthenticationFailed, Cause, MailboxUnavailable, Throttled, Transient
from profiles.connectors.ews.autodiscover import PATH
from profiles.items import Access, Tls
from tests.profiles.certificates import make_certificate
from tests.profiles.exchange import ALICE, PASSWORD, SERVICE, Answer, access, canned, requests, says, set_up
from tests.profiles.samples import assert_keeps_secrets, only_page
from tests.profiles.stages import closed_port
from tests.world import SandboxProcess

OUTER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
INNER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


@pytest.fixture
def exchange(sandbox: SandboxProcess) -> SandboxProcess:
    return set_up(sandbox)


@pytest.fixture
def places() -> Iterator[Any]:
    """Starts servers that give one answer each; the value is where to ask them."""
    with ExitStack() as stack:
        yield lambda answer, tls=None: _root(stack.enter_context(canned(answer, tls))) + PATH


def _root(url: str) -> str:
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc}"


def ask(first: str, **changes: Any) -> Access:
    """How Alice's server is asked for; nobody answers for a domain of .test."""
    return access(first, **{"timeout": 2.0, **changes})


def settings(*protocols: tuple[str, str], action: str = "settings", more: str = "") -> Answer:
    """What autodiscover answers about an account."""
    told = "".join(f"<Protocol><Type>{kind}</Type><EwsUrl>{url}</EwsUrl></Protocol>" for kind, url in protocols)
    return says(
        f'<?xml version="1.0"?><Autodiscover xmlns="{OUTER}"><Response xmlns="{INNER}"><Account>'
        f"<AccountType>email</AccountType><Action>{action}</Action>{more}{told}</Account></Response></Autodiscover>"
    )


# Found


@pytest.mark.parametrize(
    "place", ["{root}/autodiscover/autodiscover.xml", "{root}", "{root}/EWS/Exchange.asmx", "{host}"]
)
def test_the_place_that_the_profile_names_is_asked_first(exchange: SandboxProcess, place: str) -> None:
    root = _root(exchange.ews_url)
    first = place.format(root=root, host=root.removeprefix("http://"))
    exchange.clear_log()

    url = discover_exchange(ask(first, tls=Tls.NONE))

    assert url == exchange.ews_url
    assert requests(exchange) == {"Autodiscover": 1}
    assert only_page(open_source(access(url, ALICE))).shown == ()


def test_the_address_from_outside_goes_before_the_one_from_inside(places: Any) -> None:
    inside, outside = "https://inside.us.test/EWS/Exchange.asmx", "https://mail.us.test/EWS/Exchange.asmx"
    assert discover_exchange(ask(places(settings(("EXCH", inside), ("EXPR", outside))))) == outside
    assert discover_exchange(ask(places(settings(("WEB", ""), ("EXCH", inside))))) == inside


def test_over_tls_with_a_certificate_that_is_trusted(places: Any, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    url = "https://mail.us.test/EWS/Exchange.asmx"
    place = places(settings(("EXPR", url)), certificate.server_context())
    assert discover_exchange(ask(place, ca_file=str(certificate.certificate))) == url
    with pytest.raises((Transient, MailboxUnavailable)) as refusal:
        discover_exchange(ask(place))
    assert "certificate" in refusal.value.words


# Sent on


def test_a_redirection_is_followed(exchange: SandboxProcess, places: Any) -> None:
    goal = _root(exchange.ews_url) + PATH
    by_http = places(says("", 302, Location=goal))
    by_answer = places(settings(action="redirectUrl", more=f"<RedirectUrl>{goal}</RedirectUrl>"))
    for first in (by_http, by_answer):
        assert discover_exchange(ask(first)) == exchange.ews_url


def test_nobody_is_sent_to_a_place_without_encryption(places: Any) -> None:
    heard: list[str] = []

    def listen(handler: Any) -> None:
        heard.append(handler.headers.get("Authorization", ""))
        says("", 404)(handler)

    trap = places(listen).replace("127.0.0.1", "localhost")
    first = places(says("", 302, Location=trap))
    with pytest.raises(Transient) as refusal:
        discover_exchange(ask(first, allowed_local_hosts=frozenset({"127.0.0.1"})))
    assert heard == []
    assert "not encrypted" in refusal.value.words


def test_an_exchange_address_without_encryption_is_not_taken(places: Any) -> None:
    url = "http://mail.us.test/EWS/Exchange.asmx"
    place = places(settings(("EXPR", url)))
    with pytest.raises(Transient, match="does not find"):
        discover_exchange(ask(place))
    assert discover_exchange(ask(place, tls=Tls.NONE)) == url  # where the profile has switched encryption off


def test_another_address_is_asked_for_at_its_own_domain(places: Any) -> None:
    first = places(settings(action="redirectAddr", more="<RedirectAddr>alice@new.test</RedirectAddr>"))
    with pytest.raises(Transient) as refusal:
        discover_exchange(ask(first))
    assert "autodiscover.new.test" in refusal.value.words
    assert "us.test" not in refusal.value.words


def test_places_that_send_us_round_in_circles_are_left(places: Any) -> None:
    asked: list[str] = []

    def round_and_round(handler: Any) -> None:
        asked.append(handler.path)
        says("", 302, Location=f"{PATH}?{len(asked)}")(handler)

    with pytest.raises((Transient, MailboxUnavailable)):
        discover_exchange(ask(places(round_and_round)))
    assert len(asked) <= 10


# Refused


def test_a_wrong_password_is_tried_once(exchange: SandboxProcess) -> None:
    exchange.clear_log()
    with pytest.raises(AuthenticationFailed) as refusal:
        discover_exchange(ask(_root(exchange.ews_url), password="wrong-land-9"))
    assert refusal.value.cause is Cause.CREDENTIALS
    assert SERVICE in str(refusal.value)
    assert requests(exchange) == {"Unauthorized": 1}
    assert_keeps_secrets(refusal.value)


def test_without_credentials_nothing_is_asked(exchange: SandboxProcess) -> None:
    exchange.clear_log()
    with pytest.raises(AuthenticationFailed) as refusal:
        discover_exchange(ask(_root(exchange.ews_url), username=""))
    assert refusal.value.cause is Cause.NO_CREDENTIALS
    assert requests(exchange) == {}


def test_an_address_that_exchange_does_not_know_is_said(exchange: SandboxProcess) -> None:
    with pytest.raises(MailboxUnavailable) as refusal:
        discover_exchange(ask(_root(exchange.ews_url), address="nobody@us.test"))
    assert refusal.value.cause is Cause.MAILBOX_MISSING
    assert "500 The e-mail address cannot be found" in refusal.value.words
    assert "autodiscover.us.test" in refusal.value.remedy


def test_a_server_that_asks_to_wait_is_obeyed(exchange: SandboxProcess) -> None:
    exchange.fault(face="ews", operation="Autodiscover", effect="status", status=503, retry_after=40)
    with pytest.raises(Throttled) as request:
        discover_exchange(ask(_root(exchange.ews_url)))
    assert request.value.delay == timedelta(seconds=40)


# Nothing there


def test_when_nothing_is_there_every_place_is_named() -> None:
    with pytest.raises(Transient) as refusal:  # a name server may know the name tomorrow
        discover_exchange(ask(f"http://127.0.0.1:{closed_port()}"))
    assert str(refusal.value) == f"Autodiscover does not find the Exchange server of {ALICE}."
    for place in ("127.0.0.1", "autodiscover.us.test", "us.test: host not found"):
        assert place in refusal.value.words
    assert "EWS address" in refusal.value.remedy


@pytest.mark.parametrize(
    "answer",
    [
        says("Not here", 404),
        says("<html><body>Welcome to our company</body></html>"),
        says(b"\x00\xff garbage"),
        says('<!DOCTYPE a [<!ENTITY x "xxxx">]><Autodiscover><Response>&x;</Response></Autodiscover>'),
        says("", 302),
        settings(("EXPR", "")),
        settings(("EXPR", "https://[broken")),
        says(f'<Autodiscover xmlns="{OUTER}"/>'),
    ],
    ids=["404", "web page", "garbage", "entities", "nowhere", "no address", "no such address", "empty"],
)
def test_what_is_no_answer_is_not_taken_for_one(places: Any, answer: Answer) -> None:
    with pytest.raises((Transient, MailboxUnavailable)) as refusal:
        discover_exchange(ask(places(answer)))
    assert "127.0.0.1" in refusal.value.words
    assert "Welcome" not in refusal.value.words
    assert_keeps_secrets(refusal.value)


def test_a_host_of_this_machine_must_be_allowed(exchange: SandboxProcess) -> None:
    with pytest.raises((Transient, MailboxUnavailable)) as refusal:
        discover_exchange(ask(_root(exchange.ews_url), tls=Tls.NONE, allowed_local_hosts=frozenset()))
    assert "ALLOWED_LOCAL_HOSTS" in refusal.value.words


def test_the_password_does_not_go_to_the_named_place_in_clear(exchange: SandboxProcess) -> None:
    exchange.clear_log()
    with pytest.raises(Transient) as refusal:
        discover_exchange(ask(_root(exchange.ews_url), allowed_local_hosts=frozenset()))
    assert "without encryption" in refusal.value.words
    assert requests(exchange) == {}


def test_progress_is_reported_while_it_is_asked(exchange: SandboxProcess) -> None:
    beats: list[None] = []
    discover_exchange(ask(_root(exchange.ews_url)), lambda: beats.append(None))
    assert beats


def test_the_password_is_part_of_no_answer(exchange: SandboxProcess) -> None:
    exchange.fault(face="ews", operation="Autodiscover", effect="soap", code="ErrorServerBusy", text=f"Not {PASSWORD}")
    with pytest.raises((Transient, MailboxUnavailable)) as refusal:
        discover_exchange(ask(_root(exchange.ews_url)))
    assert PASSWORD not in refusal.value.words
