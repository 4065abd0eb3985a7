"""Alice and Bob with mailboxes on a mail server in this process: what the order of mail does, without a network."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from mailboxes.lease import Lease
from mailboxes.models import IncomingFilter, Leg, Mailbox, MailboxLeg
from mailboxes.models.settings import current_policy
from profiles.connectors import open_source
from profiles.connectors.memory import MemoryItem, MemoryServer
from profiles.items import Access, Transport
from serversync.cycles.incoming import Incoming
from serversync.cycles.report import Report
from tests.company import PASSWORD, Company
from tracking.crm.models import Email
from tracking.models import LedgerRow, LedgerState

HOST = "post.us.test"


class PostOffice:
    """Delivers to anybody at once; each mailbox is read when somebody says so."""

    def __init__(self) -> None:
        self.server = MemoryServer(HOST)
        ports = SimpleNamespace(account=self.server.account, pop3_port=1, smtp_port=1)
        self.company = Company(ports)  # type: ignore[arg-type]
        self.mailboxes: list[Mailbox] = []

    def user(self, name: str, takes: IncomingFilter, **columns: Any) -> Mailbox:
        """A user with a mailbox that is approved and enabled."""
        self.mailboxes.append(self.company.user(name, self.company.pop3_profile(), takes, **columns))
        return self.mailboxes[-1]

    def deliver(self, to: Iterable[Mailbox], raw: bytes) -> list[MemoryItem]:
        """Put the message into these mailboxes."""
        return [self.server.deliver(mailbox.email_address, raw) for mailbox in to]

    def remove(self, mailbox: Mailbox, item: MemoryItem) -> None:
        """Somebody deletes it on the server."""
        self.server.mailboxes[mailbox.email_address].remove(item.key)

    def read(self, mailbox: Mailbox) -> Report:
        """One incoming cycle."""
        now = timezone.now()
        leg = MailboxLeg.objects.get(mailbox=mailbox, leg=Leg.INCOMING)
        claim = MailboxLeg.objects.claim(leg, now, "tests")
        assert claim is not None
        access = Access(
            Transport.MEMORY, mailbox.email_address, HOST, username=mailbox.email_address, password=PASSWORD
        )
        with closing(open_source(access)) as source:
            lease = Lease(claim, timezone.now)
            fresh = Mailbox.objects.select_related(
                "email_server_profile", "regarding_user__sync_settings", "regarding_queue"
            ).get(pk=mailbox.pk)
            report = Incoming(
                fresh, source, lease, current_policy(), now, transport_gives_raw=True, can_categorize=False
            ).run()
        MailboxLeg.objects.release(claim)
        return report

    def read_all(self) -> None:
        """Every mailbox, until nothing is left to judge."""
        for _ in range(20):
            for mailbox in self.mailboxes:
                self.read(mailbox)
            if not LedgerRow.objects.filter(state=LedgerState.PENDING).exists():
                return
        raise AssertionError("mail is judged for ever")


def conversations() -> set[frozenset[str]]:
    """The Message-IDs of the tracked emails, by conversation."""
    found: dict[Any, set[str]] = {}
    for message_id, conversation in Email.objects.values_list("message_id", "conversation_tracking_id"):
        found.setdefault(conversation, set()).add(message_id)
    return {frozenset(one) for one in found.values()}
