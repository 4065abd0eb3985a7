"""What the incoming path may cost, as far as it is no matter of time: statements, requests, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest

from mailboxes.models import Mailbox
from profiles.models import EmailServerProfile
from tests.bench.corpus import corpus, large_message
from tests.bench.product import LARGE, LARGEST_PEAK, LEDGER, Statements, statements
from tests.bench.servers import sandbox_with
from tests.company import Company, receive
from tests.world import ROOT
from tracking.keep.pending import BATCH_ITEMS

MOST_SELECTS = 6  # per batch
FEW, MANY = 50, 200


@pytest.fixture(params=["pop3", "exchange"])
def profile(request: pytest.FixtureRequest, company: Company) -> EmailServerProfile:
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def received(company: Company, name: str, profile: EmailServerProfile, count: int) -> Statements:
    """What is said to the database while somebody receives so many messages at once."""
    mailbox = company.user(name, profile)
    messages = [raw.replace(b"bench.test>", f"{name}.test>".encode()) for raw in corpus(count)]
    for raw in messages:
        company.sandbox.deliver(mailbox.email_address, raw)
    with statements() as heard:
        ended = receive(mailbox)
    assert ended.report.tracked == count
    return heard


def test_selects_per_batch_stay_below_a_fixed_number(company: Company, profile: EmailServerProfile) -> None:
    few = received(company, "Alice", profile, FEW)
    many = received(company, "Bob", profile, MANY)
    further_batches = (MANY - FEW) // BATCH_ITEMS
    assert many.kinds["SELECT"] - few.kinds["SELECT"] <= MOST_SELECTS * further_batches


@pytest.mark.parametrize("count", [FEW, MANY])
def test_inserts_do_not_grow_with_the_number_of_messages(
    company: Company, profile: EmailServerProfile, count: int
) -> None:
    heard = received(company, "Alice", profile, count)
    batches = ceil(count / BATCH_ITEMS)
    assert heard.kinds["INSERT"] <= len(heard.inserted) * batches, heard.inserted


def idle(company: Company, mailbox: Mailbox) -> Statements:
    """What is said to the database by a poll after everything has been received."""
    receive(mailbox)
    receive(mailbox)  # on Exchange our own category is a change, which is seen here
    company.sandbox.clear_log()
    with statements() as heard:
        ended = receive(mailbox)
    assert not ended.report.found_something
    return heard


def test_an_idle_pop3_poll_touches_no_ledger_row(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    for raw in corpus(5):
        company.sandbox.deliver("alice@us.test", raw)
    heard = idle(company, alice)
    assert heard.texts
    assert heard.about(*LEDGER) == []


def test_an_idle_exchange_poll_is_one_request(company: Company) -> None:
    alice = company.user("Alice", company.exchange_profile())
    for raw in corpus(5):
        company.sandbox.deliver("alice@us.test", raw)
    idle(company, alice)
    assert company.sandbox.log()["counters"] == {"ews": {"SyncFolderItems": 1}}


@pytest.mark.parametrize("protocol", ["pop3", "ews"])
def test_a_large_message_takes_a_bounded_multiple_of_its_size(protocol: str, tmp_path: Path) -> None:
    with sandbox_with([large_message(LARGE)]) as sandbox:
        server = json.dumps({"protocol": protocol, "ports": sandbox.ports})
        around = os.environ | {"TEST_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "tests.settings"}
        around.pop("TEST_POSTGRES_URL", None)
        around.pop("TEST_DATABASE", None)
        answers = [
            subprocess.run(
                [sys.executable, "-m", "tests.bench.child", task, server],
                cwd=ROOT,
                env=around,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
            for task in ("set up", "product")
        ]
    found = json.loads(answers[-1])
    assert found["messages"] == 1
    assert LARGE < found["peak"] <= LARGEST_PEAK
