"""For each cause one sentence that names exactly what is missing, to pass on to whoever runs the server (3.10, 12.2)."""

from __future__ import annotations

import pytest

from profiles.connectors import base
from profiles.connectors.base import Cause, ConnectorError, ItemRejected
from profiles.items import Access, Tls, Transport
from serversync.cycles import trial_steps as at
from serversync.cycles.for_administrators import OURS, request

HOST, USER, ALICE = "mail.them.test", "sync@them.test", "alice@us.test"
WAYS = {
    Transport.POP3: Access(Transport.POP3, ALICE, host=HOST, port=4711, username=USER),
    Transport.SMTP: Access(Transport.SMTP, ALICE, host=HOST, port=4711, tls=Tls.STARTTLS, username=USER),
    Transport.EWS: Access(Transport.EWS, ALICE, url=f"https://{HOST}:4711/EWS/Exchange.asmx", username=USER),
}
PORT = "4711"
NAMES: dict[Cause, tuple[str, ...]] = {
    Cause.DNS: (HOST,),
    Cause.REFUSED_CONNECTION: (HOST, PORT),
    Cause.UNREACHABLE: (HOST, PORT),
    Cause.TIMEOUT: (HOST, PORT),
    Cause.BROKEN_LINE: (HOST, PORT),
    Cause.PORT: (HOST, PORT),
    Cause.TLS_NAME: (HOST, "certificate"),
    Cause.TLS_CERTIFICATE: (HOST, "certificate"),
    Cause.TLS_MODE: (HOST, PORT),
    Cause.CREDENTIALS: (USER,),
    Cause.ACCOUNT_DISABLED: (USER,),
    Cause.LOGIN_METHOD: (USER, HOST),
    Cause.PROTOCOL_DISABLED: (USER,),
    Cause.IMPERSONATION: (USER, ALICE, "ApplicationImpersonation"),
    Cause.FULL_ACCESS: (USER, ALICE, "full access"),
    Cause.MAILBOX_MISSING: (ALICE,),
    Cause.WRONG_SERVER: (ALICE, HOST),
    Cause.LICENCE: (ALICE,),
    Cause.FOLDER: (USER, ALICE),
    Cause.UNIQUE_IDS: (HOST, PORT, "UIDL"),
    Cause.QUOTA: (ALICE,),
    Cause.SEND_AS: (USER, ALICE, "send as"),
    Cause.RECIPIENT: (HOST, ALICE),
    Cause.TOO_MANY_RECIPIENTS: (HOST, ALICE),
    Cause.SIZE: (HOST, ALICE),
    Cause.ITEM: (HOST, ALICE),
    Cause.BUSY: (USER, HOST),
    Cause.SENDING_LIMIT: (ALICE,),
    Cause.SERVER: (HOST, PORT, USER),
    Cause.SERVER_VERSION: (HOST, ALICE),
}


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("transport", WAYS, ids=lambda one: one.value)
def test_what_is_missing_is_named(cause: Cause, transport: Transport) -> None:
    sentence = request(cause, WAYS[transport])
    if cause in OURS:
        assert sentence == ""
        return
    assert sentence.startswith("Please ")
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert all(name in sentence for name in NAMES[cause]), sentence


def test_a_cause_is_about_one_step_or_about_what_comes_behind_the_log_in() -> None:
    assert not at.BEHIND_THE_LOG_IN & at.STEP.keys()
    assert at.BEHIND_THE_LOG_IN | at.STEP.keys() | {
        Cause.TIMEOUT,
        Cause.BROKEN_LINE,
        Cause.WRONG_SERVER,
        Cause.BUSY,
        Cause.SENDING_LIMIT,
        Cause.SERVER,
        Cause.SERVER_VERSION,
        Cause.CURSOR,
        Cause.OTHER,
    } == set(Cause)


@pytest.mark.parametrize("cause", Cause)
def test_only_what_surely_worked_is_ticked_off(cause: Cause) -> None:
    steps = at.failed(ConnectorError("It did not work.", cause=cause), WAYS[Transport.SMTP], at.SEND)
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    assert (steps[-1].cause, steps[-1].words) == (cause, "It did not work.")
    before = [step.name for step in steps[:-1]]
    assert before == [*at.REACHING][: len(before)]
    certain = cause in at.BEHIND_THE_LOG_IN or (cause in at.STEP and cause not in at.NOT_TRIED)
    assert bool(before) is (certain and at.STEP.get(cause) != at.FIND)


def test_what_is_refused_for_one_item_came_after_the_log_in() -> None:
    steps = at.failed(ItemRejected("No.", cause=Cause.SERVER), WAYS[Transport.SMTP], at.SEND)
    assert [step.name for step in steps] == [*at.REACHING, at.SEND]


def test_each_kind_of_error_has_a_cause_of_its_own_unless_it_is_told() -> None:
    assert base.AuthenticationFailed("No.").cause is Cause.CREDENTIALS
    assert base.Throttled("No.").cause is Cause.BUSY
    assert base.Throttled("No.", cause=Cause.SENDING_LIMIT).cause is Cause.SENDING_LIMIT
    assert base.Transient("No.").cause is Cause.OTHER
