"""What correlation asks the database: a fixed number of selects, each by an index, and none without a reason (6)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from mailboxes.models import Organization
from mailboxes.policy import Policy
from tests.letters import letter
from tests.tracking.post_office import PostOffice
from tests.tracking.test_late_joining import ALL, answer, question
from tests.tracking.test_relevance import message
from tracking.crm.models import Account, Contact, Email
from tracking.decide.verdicts import Message
from tracking.facts.known import tracked_emails
from tracking.facts.people import addresses_in, matches_of
from tracking.facts.placed import explicit_by_key
from tracking.facts.threads import threads_of
from tracking.keep.joining import join_late
from tracking.keep.pending import next_batch

INDEX = base64.b64encode(b"\x01\xd0\x11\x22\x33\x44" + bytes(range(16))).decode()
TOKEN = "[#7K3M9QXW2RTV8HNB]"
TABLES = ("crm_email", "crm_emailhash", "crm_activityparty", "tracking_awaitedancestor", "tracking_ledgerrow")
TABLES += ("tracking_placement",)


@contextmanager
def selects() -> Iterator[list[tuple[str, Any]]]:
    heard: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and any(f'FROM "{table}"' in sql for table in TABLES):
            heard.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        yield heard


def plan(sql: str, params: Any) -> list[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # tiny tables are scanned otherwise
        cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN'} {sql}", params)
        return [str(line[-1]) for line in cursor.fetchall()]


def scanned(sql: str, params: Any) -> list[str]:
    """The parts of the plan that read a whole table though an index could have been used."""
    return [line for line in plan(sql, params) if "Seq Scan" in line or line.startswith("SCAN")]


@pytest.fixture
def office(db: None) -> PostOffice:
    """Ann's question is tracked: it bears an index; a token and a record are put on it."""
    organization = Organization.objects.get_or_create(pk=1)[0]
    organization.overrides = {"email_smart_matching_enabled": True}
    organization.save()
    found = PostOffice()
    alice = found.user("Alice", ALL)
    acme = Account.objects.create(name="Acme")
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test", parent_customer=acme)
    found.deliver([alice], question(extra_headers=[("Thread-Index", INDEX)]))
    found.deliver([alice], answer(in_reply_to="<gone@acme.test>"))
    found.read(alice)
    Email.objects.filter(message_id="<q@acme.test>").update(tracking_token=TOKEN)
    return found


def look_up(messages: list[Message], policy: Policy) -> Any:
    tracked = tracked_emails(messages)
    by_address = matches_of(addresses_in(one.envelope for one in messages))
    return threads_of(messages, tracked, by_address, policy, timezone.now())


def replies(count: int) -> list[Message]:
    return [
        message(
            letter(
                "ann@acme.test",
                "alice@us.test",
                f"Re: Quote {TOKEN}",
                str(number),
                message_id=f"<{number}@x>",
                extra_headers=[("Thread-Index", INDEX)],
            )
        )
        for number in range(count)
    ]


def test_every_look_up_uses_an_index_and_their_number_is_fixed(office: PostOffice) -> None:
    policy = Organization.current().policy()
    with selects() as few:
        found = look_up(replies(1), policy)
    assert found.by_token
    assert found.by_index
    assert found.people
    with selects() as many:
        look_up(replies(50), policy)
    assert len(few) == len(many) <= 8
    for sql, params in many:
        assert scanned(sql, params) == [], sql


def test_what_gives_no_reason_is_asked_by_one_select(office: PostOffice) -> None:
    plain = [message(letter("zoe@else.test", "alice@us.test", "Hello", "x"))]
    with selects() as heard:
        look_up(plain, Policy())
    assert len(heard) == 1


def test_waiting_messages_are_found_by_an_index(office: PostOffice) -> None:
    with selects() as heard:
        arrived = Email.objects.get(message_id="<q@acme.test>")
        arrived.message_id = "<gone@acme.test>"
        join_late([arrived], {"<another@acme.test>"}, Policy(), timezone.now())
    assert Email.objects.get(message_id="<a@acme.test>").parent_activity == arrived
    for sql, params in heard:
        assert scanned(sql, params) == [], sql


def test_the_next_batch_is_found_by_the_index_of_what_is_pending(office: PostOffice) -> None:
    """And not by going through everything that ever lay in the folder."""
    with selects() as heard:
        next_batch(office.mailboxes[0], "inbox", timezone.now())
    [(sql, params)] = heard
    assert "ledger_pending" in " ".join(plan(sql, params))


def test_items_that_a_server_shows_are_found_by_their_keys(office: PostOffice) -> None:
    with selects() as heard:
        explicit_by_key(office.mailboxes[0], "inbox", ["a", "b"])
    [(sql, params)] = heard
    assert "server_key" in " ".join(plan(sql, params))


@pytest.mark.parametrize("message_id", ["<q@acme.test>", f"<{'q' * 400}@acme.test>", ""])
def test_what_alice_and_bob_both_got_is_one_email_by_its_message_id(db: None, message_id: str) -> None:
    """Also by one that is longer than its column, or that it lacks (5.10, 6.7)."""
    office = PostOffice()
    people = [office.user(name, ALL) for name in ("Alice", "Bob")]
    raw = letter("ann@acme.test", ["alice@us.test", "bob@us.test"], "Quote", "How much?", message_id="<x@acme.test>")
    line = f"Message-ID: {message_id}\r\n".encode() if message_id else b""
    office.deliver(people, raw.replace(b"Message-ID: <x@acme.test>\r\n", line))
    office.read_all()
    email = Email.objects.get()
    assert email.ledger_rows.count() == 2
    assert email.message_id.startswith(message_id[:320])
    assert "x@acme" not in email.message_id
