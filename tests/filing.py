"""People track folders and move mail about in them: what the stories of folder rules have in common (9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.utils import timezone

from mailboxes.models import IncomingFilter, Leg, Mailbox, MailboxLeg
from mailboxes.models.settings import current_policy
from serversync.cycles.engine import Ended, claim_next, run_claim
from serversync.cycles.outboxes import Outboxes
from tests.company import Company, run
from tests.letters import letter
from tracking.crm.models import Account, Case, Email
from tracking.keep.folder_rules import save_rule, set_regarding
from tracking.models import (
    LedgerRow,
    MailboxTrackingFolder,
)

ALICE, BOB, SUPPORT = "alice@us.test", "bob@us.test", "support@us.test"
YET = timedelta(minutes=6)


@pytest.fixture
def alice(company: Company) -> Mailbox:
    """Alice, whose filter takes nothing."""
    return company.user("Alice", company.exchange_profile(), IncomingFilter.NO_MESSAGES)


@pytest.fixture
def acme(db: None) -> Account:
    return Account.objects.create(name="Acme")


@pytest.fixture
def case(acme: Account) -> Case:
    return Case.objects.create(title="The broken press", customer_account=acme)


def deliver(company: Company, subject: str, folder: str | None = None, to: str = ALICE, **how: Any) -> str:
    raw = letter("ann@acme.test", to, subject, f"About {subject}")
    return company.sandbox.deliver(to, raw, folder=folder, **how)[0]


def rule(mailbox: Mailbox, folder: str, about: Model | None = None, **columns: Any) -> MailboxTrackingFolder:
    """Somebody tracks the folder with this id, as from a file: the folders are not known yet."""
    made = MailboxTrackingFolder(mailbox=mailbox, exchange_folder_id=folder, **columns)
    set_regarding(made, about)
    save_rule(made, mailbox.owner, current_policy(), timezone.now(), may_be_unknown=True)
    return made


def receive_later(mailbox: Mailbox, wait: timedelta = YET) -> Ended:
    """A cycle some minutes later: the tree of the folders is looked at again."""
    last = max((one.checked_on for one in mailbox.tracking_folders.all() if one.checked_on), default=timezone.now())
    ended = run(mailbox, now=max(last, timezone.now()) + wait)
    assert ended.error is None, ended.error
    return ended


def one_cycle(mailbox: Mailbox) -> Ended:
    """Exactly one cycle, whether there is more to do or not."""
    leg = MailboxLeg.objects.get(mailbox=mailbox, leg=Leg.INCOMING)
    MailboxLeg.objects.filter(pk=leg.pk).request(timezone.now())
    claim = claim_next(timezone.now, [leg.pk])
    assert claim is not None
    return run_claim(claim, timezone.now, timedelta(minutes=1), Outboxes())


def about(subject: str) -> str:
    """The name of what the email belongs to."""
    return Email.objects.get(subject=subject).regarding_name


def reasons(mailbox: Mailbox) -> list[int | None]:
    return list(LedgerRow.objects.filter(mailbox=mailbox).order_by("pk").values_list("reason", flat=True))


def change(tracked: MailboxTrackingFolder, record: Model | None) -> None:
    """Somebody names another record in the rule."""
    set_regarding(tracked, record)
    save_rule(tracked, None, current_policy(), timezone.now(), may_be_unknown=True)
