"""Bob knows which mail no person wrote, and what a bounce is about."""

from __future__ import annotations

import pytest

from profiles.connectors.mime import (
    AutomaticKind,
    answers_automatically,
    automatic_kind,
    envelope,
    is_automatic,
    report_of,
)
from tests.profiles.mime_samples import mail
from tests.profiles.reports_samples import (
    DELIVERED,
    EXCHANGE,
    EXIM,
    EXIM_DELAY,
    OFFER,
    POSTFIX,
    POSTFIX_DELAY,
    QMAIL,
    dsn,
    receipt,
)
from tracking.crm.models import states

K = AutomaticKind


def kind_of(*lines: str) -> AutomaticKind:
    return automatic_kind(envelope(mail("From: ann@acme.test", *lines, "", "")))


def test_the_numbers_are_those_of_the_column() -> None:
    assert {one.name: one.value for one in K} == {one.name: one.value for one in states.AutomaticKind}


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["Subject: Lunch?"], K.NONE),
        (["Auto-Submitted: no"], K.NONE),
        (["Subject: Out of office key", "In-Reply-To: <a@b>"], K.NONE),  # a person can write that
        (["Auto-Submitted: auto-replied"], K.AUTO_REPLY),  # RFC 3834 §5
        (["Auto-Submitted: auto-replied; owner-email=ann@acme.test"], K.AUTO_REPLY),
        (["Auto-Submitted: auto-generated"], K.NOTIFICATION),
        (["Auto-Submitted: auto-notified"], K.NOTIFICATION),
        (["Auto-Submitted: auto-generated", "Subject: Automatic reply: Offer"], K.AUTO_REPLY),  # Exchange
        (["X-Auto-Response-Suppress: All", "Subject: Automatische Antwort: Angebot"], K.AUTO_REPLY),
        (["X-Auto-Response-Suppress: OOF, AutoReply"], K.NOTIFICATION),
        (["X-Auto-Response-Suppress: None"], K.NONE),
        (["X-Autoreply: yes"], K.AUTO_REPLY),
        (["X-Autoreply: no"], K.NONE),
        (["X-Autorespond: Offer"], K.AUTO_REPLY),
        (["Precedence: auto_reply"], K.AUTO_REPLY),
        (["Precedence: bulk", "Subject: Abwesenheitsnotiz"], K.AUTO_REPLY),
        (["Precedence: bulk"], K.BULK),
        (["Precedence: list"], K.BULK),
        (["Precedence: first-class"], K.NONE),
        (["List-Id: News <news.acme.test>"], K.BULK),
        (["List-Unsubscribe: <mailto:x@y>"], K.BULK),
        (["Content-Type: multipart/report; report-type=disposition-notification; boundary=b"], K.RECEIPT),
    ],
)
def test_automatic_mail_is_told_from_mail_of_people(lines: list[str], kind: AutomaticKind) -> None:
    assert kind_of(*lines) is kind


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (EXCHANGE, K.BOUNCE, "5.1.10"),
        (POSTFIX, K.BOUNCE, "5.1.1"),
        (QMAIL, K.BOUNCE, "5.1.1"),
        (EXIM, K.BOUNCE, "550"),
        (POSTFIX_DELAY, K.DELAY_NOTICE, "4.4.1"),
        (EXIM_DELAY, K.DELAY_NOTICE, ""),
        (DELIVERED, K.RECEIPT, "2.0.0"),
        (receipt(), K.RECEIPT, ""),
        (receipt(disposition="deleted"), K.RECEIPT, ""),
    ],
    ids=["exchange", "postfix", "qmail", "exim", "postfix delay", "exim delay", "delivered", "read", "deleted unread"],
)
def test_a_report_says_which_message_came_back_from_whom(raw: bytes, kind: AutomaticKind, status: str) -> None:
    about = envelope(raw)
    report = report_of(raw, about)
    assert report is not None
    [ann] = report.recipients
    assert (ann.addresses, ann.status) == (("ann@acme.test",), status)
    assert report.message_ids == (OFFER,)
    assert automatic_kind(about, report) is kind


def test_a_report_for_several_keeps_their_words_apart() -> None:
    raw = dsn(("ann@acme.test", "failed", "5.1.1", "550 unknown"), ("bob@acme.test", "delayed", "4.2.2", "452 full"))
    report = report_of(raw, envelope(raw))
    assert report is not None
    told = [(one.addresses[0], one.action, one.words) for one in report.recipients]
    assert told == [("ann@acme.test", "failed", "550 unknown"), ("bob@acme.test", "delayed", "452 full")]
    assert automatic_kind(envelope(raw), report) is K.BOUNCE


def test_the_address_that_was_written_counts_as_well_as_the_one_it_became() -> None:
    raw = dsn(("ann@home.test", "failed", "5.1.1", "no")).replace(
        b"Final-Recipient: rfc822; ann@home.test",
        b"Original-Recipient: rfc822;Ann@acme.test\r\nFinal-Recipient: rfc822; ann@home.test",
    )
    report = report_of(raw, envelope(raw))
    assert report is not None
    assert report.recipients[0].addresses == ("ann@acme.test", "ann@home.test")


def test_mail_of_people_carries_no_report() -> None:
    raw = mail("From: ann@acme.test", "Subject: failure notice", "", "<bob@acme.test>:", "Message-ID: <x@y>")
    assert report_of(raw, envelope(raw)) is None


def test_no_contact_is_made_of_a_machine_and_no_machine_is_answered() -> None:
    assert [kind.name for kind in K if is_automatic(kind)] == [
        "AUTO_REPLY",
        "BOUNCE",
        "DELAY_NOTICE",
        "NOTIFICATION",
        "RECEIPT",
    ]
    assert [kind.name for kind in K if answers_automatically(kind)] == [
        "AUTO_REPLY",
        "BOUNCE",
        "DELAY_NOTICE",
        "RECEIPT",
    ]
