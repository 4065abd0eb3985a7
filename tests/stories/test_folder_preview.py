"""What a folder rule would do is told before it is saved; a file names folders by their path; the answer to "why?"."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, Leg, Mailbox
from mailboxes.models.settings import current_policy
from mailboxes.reach import access_to
from profiles.connectors import open_source
from serversync.audit import compare_with_servers
from serversync.configure import configure
from serversync.folder_preview import Preview, preview
from tests.company import Company, assert_balanced, receive
from tests.letters import letter
from tracking.crm.models import Account, Email
from tracking.decide.folders import Filed
from tracking.facts.folder_rules import filed_under
from tracking.facts.why import explain_email
from tracking.keep.belonging import belongs_to
from tracking.keep.untrack import untrack
from tracking.models import LedgerRow, MailboxTrackingFolder

ALICE = "alice@us.test"


@pytest.fixture
def alice(company: Company) -> Mailbox:
    return company.user("Alice", company.exchange_profile())


def deliver(company: Company, subject: str, folder: str) -> str:
    return company.sandbox.deliver(ALICE, letter("ann@acme.test", ALICE, subject, "x"), folder=folder)[0]


def looked(alice: Mailbox, filed: Filed, folder: str) -> Preview:
    with closing(open_source(access_to(alice, Leg.INCOMING))) as source:
        return preview(alice, filed, [folder], source, current_policy())


def test_a_preview_counts_what_a_rule_would_do_and_changes_nothing(
    company: Company, alice: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = Account.objects.create(name="Acme")
    folder = company.sandbox.folder(ALICE, "Acme")
    items = {name: deliver(company, name, "inbox") for name in ("Tracked", "Filed by Alice", "Untracked")}
    receive(alice)
    belongs_to(Email.objects.get(subject="Filed by Alice"), None, False, alice.owner, timezone.now())
    untrack(LedgerRow.objects.filter(email__subject="Untracked"), alice.owner, timezone.now())
    for item in items.values():
        company.sandbox.move(ALICE, item, folder)
    for number in range(2):
        deliver(company, f"New {number}", folder)
    rule = MailboxTrackingFolder(mailbox=alice, exchange_folder_id=folder, regarding=acme)

    found = looked(alice, filed_under(rule), folder)

    assert found == Preview(total=5, looked_at=5, newly=2, filed=1, kept=1, removed=1)
    assert not found.is_capped
    assert (Email.objects.count(), MailboxTrackingFolder.objects.count()) == (2, 0)
    monkeypatch.setattr("serversync.folder_preview.MOST", 2)
    capped = looked(alice, filed_under(rule), folder)
    assert (capped.total, capped.looked_at, capped.is_capped) == (5, 2, True)


def test_a_file_names_a_folder_by_its_path(company: Company, alice: Mailbox, tmp_path: Path) -> None:
    """9.4: one that is not there is accepted and shown as invalid."""
    file = tmp_path / "us.toml"
    entry = '[[folders]]\nmailbox = "alice@us.test"\nregarding = {{ account = "Acme" }}\nfolder_path = "{}"\n'
    file.write_text('[[accounts]]\nname = "Acme"\n' + entry.format("Inbox/Acme") + entry.format("Inbox/Wrong"))
    configure(file, timezone.now())
    folder = company.sandbox.folder(ALICE, "Acme", "Inbox")
    deliver(company, "Offer", folder)

    receive(alice)

    good, bad = MailboxTrackingFolder.objects.order_by("folder_path")[::-1]
    assert (good.exchange_folder_name, good.invalid_reason) == ("Acme", "")
    assert bad.invalid_reason == "There is no folder “Inbox/Wrong” in the mailbox."
    assert Email.objects.get().regarding_name == "Acme"
    assert "2 unchanged" in str(configure(file, timezone.now())) or "3 unchanged" in str(
        configure(file, timezone.now())
    )
    assert MailboxTrackingFolder.objects.count() == 2


def test_why_and_the_ledger_name_the_folder(company: Company, alice: Mailbox) -> None:
    alice.regarding_user.sync_settings.incoming_email_filtering_method = IncomingFilter.NO_MESSAGES  # type: ignore[union-attr]
    folder = company.sandbox.folder(ALICE, "Acme", "Inbox")
    MailboxTrackingFolder.objects.create(mailbox=alice, exchange_folder_id=folder)
    deliver(company, "Offer", folder)
    receive(alice)

    (told,) = explain_email(Email.objects.get().pk, [Email.objects.get().pk])

    assert told.sentence == "It lies in a tracked folder."
    assert told.placements[0].folder == "Inbox/Acme"
    assert ("Lies in the tracked folder", "Inbox/Acme") in [(fact.label, fact.text) for fact in told.answer.other]
    compared = compare_with_servers(timezone.now)
    assert {one.folder: (one.on_server, one.agrees) for one in compared} == {
        "inbox": (0, True),
        "Inbox/Acme": (1, True),
    }
    assert_balanced(alice)
