"""Faults and notifications of the EWS face, with exchangelib over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from exchangelib import (
    Account,
    Message,
)
from exchangelib.errors import (
    ErrorItemNotFound,
    ErrorMailboxStoreUnavailable,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    EWSError,
    UnauthorizedError,
)
from exchangelib.protocol import close_connections

from tests.letters import letter
from tests.sandbox.ews_client import account, inbox, sync
from tests.world import SandboxProcess

ALICE, BOB, SERVICE = "alice@us.test", "bob@us.test", "service@us.test"
ANN = "ann@acme.test"


@pytest.fixture(scope="module", autouse=True)
def connections() -> Iterator[None]:
    yield
    close_connections()


@pytest.fixture
def sandbox(sandbox: SandboxProcess) -> SandboxProcess:
    sandbox.account(ALICE)
    sandbox.account(BOB)
    sandbox.account(SERVICE, impersonate=True)
    return sandbox


@pytest.fixture
def alice(sandbox: SandboxProcess) -> Account:
    return account(sandbox.ews_url, ALICE, SERVICE)


# Faults


FAULTS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"effect": "throttle", "delay_seconds": 3}, ErrorServerBusy),
    ({"effect": "soap", "code": "ErrorMailboxStoreUnavailable"}, ErrorMailboxStoreUnavailable),
    ({"effect": "response", "code": "ErrorMailboxStoreUnavailable"}, ErrorMailboxStoreUnavailable),
    ({"effect": "status", "status": 401}, UnauthorizedError),
    ({"effect": "status", "status": 429, "retry_after": 7}, EWSError),
    ({"effect": "status", "status": 502}, EWSError),
    ({"effect": "status", "status": 503, "retry_after": 7}, EWSError),
    ({"effect": "drop"}, ErrorTimeoutExpired),
    ({"effect": "drop", "after_bytes": 200}, EWSError),
    ({"effect": "truncate", "after_bytes": 300}, EWSError),
    ({"effect": "html"}, EWSError),
    ({"effect": "garbage"}, EWSError),
    ({"effect": "hang", "seconds": 0.2}, ErrorTimeoutExpired),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=[str(fault) for fault, _ in FAULTS])
def test_a_planted_fault_strikes_once(
    sandbox: SandboxProcess, alice: Account, fault: dict[str, Any], error: type[Exception]
) -> None:
    sandbox.fault(face="ews", operation="SyncFolderItems", mailbox=ALICE, times=1, **fault)
    bob = account(sandbox.ews_url, BOB, SERVICE)
    assert sync(bob, inbox(bob)).changes == []
    with pytest.raises(error):
        sync(alice, inbox(alice))
    assert sync(alice, inbox(alice)).changes == []


def test_a_throttled_client_learns_the_delay(sandbox: SandboxProcess, alice: Account) -> None:
    sandbox.fault(effect="throttle", face="ews", delay_seconds=3, times=1)
    with pytest.raises(ErrorServerBusy) as busy:
        sync(alice, inbox(alice))
    assert busy.value.back_off == 3


def test_a_lost_answer_leaves_the_work_done(sandbox: SandboxProcess, alice: Account) -> None:
    message = Message(account=alice, folder=alice.drafts, subject="Offer", to_recipients=[ANN]).save()
    sandbox.fault(effect="drop", face="ews", operation="SendItem", after_effect=True, times=1)
    with pytest.raises(ErrorTimeoutExpired):
        message.send()
    assert len(sandbox.inbox(ANN)) == 1
    assert sandbox.inbox(ALICE, "drafts") == []


def test_a_response_error_comes_once_per_item(sandbox: SandboxProcess, alice: Account) -> None:
    ids = [sandbox.deliver(ALICE, letter(ANN, ALICE, f"Mail {n}", "x"))[0] for n in range(3)]
    sandbox.fault(effect="response", code="ErrorItemNotFound", face="ews", operation="GetItem", times=1)
    subject = Message.get_field_by_fieldname("subject")
    results = list(alice.fetch([Message(id=item_id) for item_id in ids], only_fields=[subject], folder=inbox(alice)))
    assert [type(result) for result in results] == [ErrorItemNotFound] * 3


def test_a_mailbox_whose_address_says_so_always_fails(sandbox: SandboxProcess) -> None:
    sandbox.account("temperror@us.test")
    unlucky = account(sandbox.ews_url, "temperror@us.test", SERVICE)
    with pytest.raises(ErrorServerBusy):
        sync(unlucky, inbox(unlucky))


# Notifications


def test_a_pull_subscription_tells_of_new_mail(sandbox: SandboxProcess, alice: Account) -> None:
    subscription, watermark = alice.inbox.subscribe_to_pull()
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "x"))
    [notification] = list(alice.inbox.get_events(subscription, watermark))
    kinds = {event.ELEMENT_NAME for event in notification.events if event.item_id.id == item_id}
    assert kinds == {"CreatedEvent", "NewMailEvent"}
    alice.inbox.unsubscribe(subscription)


def test_a_stream_tells_of_new_mail(sandbox: SandboxProcess, alice: Account) -> None:
    subscription = alice.inbox.subscribe_to_streaming()
    sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "x"))
    stream = alice.inbox.get_streaming_events(subscription, connection_timeout=1, max_notifications_returned=1)
    [notification] = list(stream)
    assert "NewMailEvent" in {event.ELEMENT_NAME for event in notification.events}
