"""Reading from an Exchange that does not work, or not for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    MailboxUnavailable,
    ResyncRequired,
    Throttled,
    Transient,
)
from profiles.connectors.ews.mail import EwsSource
from profiles.items import Arrival
from tests.letters import letter
from tests.profiles.exchange import ALICE, BOB, CAROL, PASSWORD, SERVICE, access, errors, keys, requests, set_up
from tests.world import SandboxProcess


@pytest.fixture
def exchange(sandbox: SandboxProcess) -> SandboxProcess:
    return set_up(sandbox)


@pytest.fixture
def alice(exchange: SandboxProcess) -> Iterator[EwsSource]:
    source = EwsSource(access(exchange.ews_url))
    yield source
    source.close()


def mail(subject: str, body: str = "Hello", **more: object) -> bytes:
    return letter(CAROL, ALICE, subject, body, **more)  # type: ignore[arg-type]


def deliver(exchange: SandboxProcess, count: int, to: str = ALICE) -> list[str]:
    return [exchange.deliver(to, mail(f"Letter {number}"))[0] for number in range(count)]


# When the server does not work

FAILURES: list[tuple[dict[str, object], type[ConnectorError], Cause]] = [
    ({"effect": "soap", "code": "ErrorServerBusy", "delay_seconds": 3.5}, Throttled, Cause.BUSY),
    ({"effect": "response", "code": "ErrorServerBusy"}, Throttled, Cause.BUSY),
    ({"effect": "response", "code": "ErrorMailboxMoveInProgress"}, Transient, Cause.SERVER),
    ({"effect": "soap", "code": "ErrorInternalServerTransientError"}, Transient, Cause.SERVER),
    ({"effect": "soap", "code": "ErrorInvalidRequest"}, MailboxUnavailable, Cause.FOLDER),
    ({"effect": "soap", "code": "ErrorSomethingNobodyKnows"}, Transient, Cause.SERVER),
    ({"effect": "status", "status": 429, "retry_after": 42}, Throttled, Cause.BUSY),
    ({"effect": "status", "status": 503, "retry_after": 42}, Throttled, Cause.BUSY),
    ({"effect": "status", "status": 503}, Transient, Cause.SERVER),
    ({"effect": "status", "status": 500}, Transient, Cause.SERVER),
    ({"effect": "status", "status": 502}, Transient, Cause.SERVER),
    ({"effect": "status", "status": 401}, AuthenticationFailed, Cause.CREDENTIALS),
    ({"effect": "status", "status": 403}, MailboxUnavailable, Cause.PROTOCOL_DISABLED),
    ({"effect": "status", "status": 404}, MailboxUnavailable, Cause.WRONG_SERVER),
    ({"effect": "status", "status": 500, "code": "ErrorServerBusy"}, Throttled, Cause.BUSY),
    ({"effect": "drop"}, Transient, Cause.BROKEN_LINE),
    ({"effect": "drop", "after_bytes": 700}, Transient, Cause.BROKEN_LINE),
    ({"effect": "truncate"}, Transient, Cause.SERVER),
    ({"effect": "html"}, Transient, Cause.SERVER),
    ({"effect": "garbage"}, Transient, Cause.SERVER),
    ({"effect": "hang", "seconds": 2}, Transient, Cause.TIMEOUT),
    ({"effect": "response", "code": "ErrorInvalidSyncStateData"}, ResyncRequired, Cause.CURSOR),
    ({"effect": "response", "code": "ErrorFolderNotFound"}, MailboxUnavailable, Cause.FOLDER),
    ({"effect": "response", "code": "ErrorAccessDenied"}, MailboxUnavailable, Cause.FULL_ACCESS),
    ({"effect": "response", "code": "ErrorInvalidLicense"}, MailboxUnavailable, Cause.LICENCE),
    ({"effect": "soap", "code": "ErrorPasswordExpired"}, AuthenticationFailed, Cause.CREDENTIALS),
    ({"effect": "soap", "code": "ErrorAccountDisabled"}, AuthenticationFailed, Cause.ACCOUNT_DISABLED),
    ({"effect": "soap", "code": "ErrorInvalidServerVersion"}, MailboxUnavailable, Cause.SERVER_VERSION),
]


@pytest.mark.parametrize(("fault", "kind", "cause"), FAILURES, ids=lambda value: str(value))
def test_a_failure_is_told_once_and_a_later_poll_gets_everything(
    exchange: SandboxProcess, fault: dict[str, object], kind: type[ConnectorError], cause: Cause
) -> None:
    deliver(exchange, 2)
    source = EwsSource(access(exchange.ews_url, timeout=0.5))
    cursor = list(source.changes("inbox", ""))[-1].cursor
    sent = deliver(exchange, 3)
    exchange.clear_log()
    exchange.fault(face="ews", operation="SyncFolderItems", times=1, **fault)
    with pytest.raises(kind) as caught:
        list(source.changes("inbox", cursor))
    assert caught.value.cause is cause
    assert sum(requests(exchange).values()) == 1
    assert PASSWORD not in f"{caught.value} {caught.value.words} {caught.value.remedy}"
    later = EwsSource(access(exchange.ews_url))
    assert sorted(keys(list(later.changes("inbox", cursor)))) == sorted(sent)


DELAYS = [
    ({"effect": "soap", "code": "ErrorServerBusy", "delay_seconds": 3.5}, timedelta(seconds=3.5)),
    ({"effect": "throttle", "delay_seconds": 300}, timedelta(minutes=5)),
    ({"effect": "soap", "code": "ErrorServerBusy"}, None),
    ({"effect": "status", "status": 429, "retry_after": 42}, timedelta(seconds=42)),
    ({"effect": "status", "status": 503, "retry_after": 3600}, timedelta(hours=1)),
]


@pytest.mark.parametrize(("fault", "delay"), DELAYS)
def test_the_delay_that_exchange_asks_for_is_kept_exactly(
    exchange: SandboxProcess, alice: EwsSource, fault: dict[str, object], delay: timedelta | None
) -> None:
    exchange.fault(face="ews", **fault)
    with pytest.raises(Throttled) as caught:
        list(alice.changes("inbox", ""))
    assert caught.value.delay == delay


def test_a_line_that_breaks_while_mail_is_fetched_loses_nothing(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 4)
    exchange.fault(face="ews", operation="GetItem", effect="drop", after_bytes=1500, times=1)
    with pytest.raises(Transient):
        list(alice.fetch(sent, raw=False))
    assert [isinstance(found, Arrival) for found in alice.fetch(sent, raw=False)] == [True] * 4


def test_a_lost_synchronization_state_asks_for_a_new_listing(exchange: SandboxProcess, alice: EwsSource) -> None:
    sent = deliver(exchange, 2)
    cursor = list(alice.changes("inbox", ""))[-1].cursor
    exchange.lose_sync_state(ALICE)
    with pytest.raises(ResyncRequired):
        list(alice.changes("inbox", cursor))
    assert sorted(keys(list(alice.changes("inbox", "")))) == sorted(sent)


def test_a_folder_that_is_gone_does_not_ask_for_new_listings_for_ever(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    exchange.fault(face="ews", effect="response", code="ErrorSyncFolderNotFound")
    with pytest.raises(ResyncRequired):
        list(alice.changes("inbox", "some cursor"))
    with pytest.raises(MailboxUnavailable):
        list(alice.changes("inbox", ""))


# Who may read


def test_a_wrong_password_is_tried_once(exchange: SandboxProcess) -> None:
    source = EwsSource(access(exchange.ews_url, password="not-it-at-all"))
    for _ in range(3):
        with pytest.raises(AuthenticationFailed) as caught:
            list(source.changes("inbox", ""))
    assert "not-it-at-all" not in f"{caught.value} {caught.value.words} {caught.value.remedy}"
    assert requests(exchange) == {"Unauthorized": 1}


def test_without_the_right_to_impersonate_the_remedy_names_the_role(exchange: SandboxProcess) -> None:
    source = EwsSource(access(exchange.ews_url, address=ALICE, username=BOB))
    with pytest.raises(MailboxUnavailable) as caught:
        list(source.changes("inbox", ""))
    assert "ApplicationImpersonation" in caught.value.remedy
    assert BOB in caught.value.remedy
    assert "ErrorImpersonateUserDenied" in caught.value.words
    assert caught.value.cause is Cause.IMPERSONATION


def test_a_mailbox_that_exchange_does_not_know_is_unavailable(exchange: SandboxProcess) -> None:
    with pytest.raises(MailboxUnavailable, match=r"nobody@us\.test") as caught:
        list(EwsSource(access(exchange.ews_url, address="nobody@us.test")).changes("inbox", ""))
    assert caught.value.cause is Cause.MAILBOX_MISSING


def test_bob_reads_alices_mail_as_her_delegate_only(exchange: SandboxProcess) -> None:
    sent = deliver(exchange, 2)
    bob = EwsSource(access(exchange.ews_url, username=BOB, impersonate=False))
    with pytest.raises(MailboxUnavailable) as caught:
        list(bob.changes("inbox", ""))
    assert "FullAccess" in caught.value.remedy
    exchange.delegate(ALICE, BOB)
    found = keys(list(bob.changes("inbox", "")))
    assert sorted(found) == sorted(sent)
    assert not errors(list(bob.fetch(found, raw=True)))


def test_alice_reads_her_own_mail_with_her_own_password(exchange: SandboxProcess) -> None:
    sent = deliver(exchange, 1)
    source = EwsSource(access(exchange.ews_url, username=ALICE, impersonate=False))
    assert keys(list(source.changes("inbox", ""))) == sent
    source.close()
    assert keys(list(source.changes("inbox", ""))) == sent


def test_the_service_account_reads_each_mailbox_for_itself(exchange: SandboxProcess) -> None:
    [for_alice], [for_bob] = deliver(exchange, 1), deliver(exchange, 1, BOB)
    for address, key in ((ALICE, for_alice), (BOB, for_bob), (ALICE, for_alice)):
        assert keys(list(EwsSource(access(exchange.ews_url, address=address)).changes("inbox", ""))) == [key]
    assert SERVICE not in {item["from"] for item in exchange.items(ALICE)}
