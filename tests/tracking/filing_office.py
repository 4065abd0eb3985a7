"""A mailbox with folders on a mail server in this process, and a clock that people move: what folder rules do in time."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from types import SimpleNamespace

from django.utils import timezone

from mailboxes.lease import Lease
from mailboxes.models import IncomingFilter, Leg, Mailbox, MailboxLeg
from mailboxes.models.leg import Claim, LeaseLost
from mailboxes.models.settings import current_policy
from profiles.connectors import open_source
from profiles.connectors.base import ConnectorError
from profiles.connectors.memory import MemoryServer
from profiles.connectors.memory_mailbox import MemoryMailbox
from profiles.items import Access, Transport
from serversync.cycles.incoming import Incoming
from serversync.cycles.report import Report
from tests.company import PASSWORD, Company

HOST = "files.us.test"


class Brittle(Lease):
    """A lease that is lost at the given commit: what the transaction wrote is undone."""

    def __init__(self, claim: Claim, now: datetime, commits: int) -> None:
        super().__init__(claim, lambda: now)
        self._left = commits

    def pin(self) -> None:
        self._left -= 1
        if not self._left:
            raise LeaseLost("another worker took over")
        super().pin()


class FilingOffice:
    """Users whose filter takes nothing; a cycle is read when somebody says so, six minutes after the one before."""

    def __init__(self) -> None:
        self.server = MemoryServer(HOST)
        faces = SimpleNamespace(account=self._account, ews_url="https://files.us.test/EWS/Exchange.asmx")
        self.company = Company(faces)  # type: ignore[arg-type]
        self.now = timezone.now()

    def _account(self, address: str, password: str, **_: bool) -> None:
        self.server.account(address, password)

    def user(self, name: str) -> Mailbox:
        """A user with a mailbox that is approved and enabled."""
        return self.company.user(name, self.company.exchange_profile(), IncomingFilter.NO_MESSAGES)

    def box(self, mailbox: Mailbox) -> MemoryMailbox:
        """The mailbox on the server."""
        return self.server.mailboxes[mailbox.email_address]

    def read(self, mailbox: Mailbox, commits: int = 0, in_time: bool = True) -> Report | None:
        """One cycle; None if it broke off: by an error of the server, or at a commit if so many are given. Its time may be
        up from the beginning."""
        self.now += timedelta(minutes=6)
        leg = MailboxLeg.objects.get(mailbox=mailbox, leg=Leg.INCOMING)
        claim = MailboxLeg.objects.claim(leg, self.now, "tests")
        assert claim is not None
        access = Access(
            Transport.MEMORY, mailbox.email_address, HOST, username=mailbox.email_address, password=PASSWORD
        )
        fresh = Mailbox.objects.select_related(
            "email_server_profile", "regarding_user__sync_settings", "regarding_queue"
        ).get(pk=mailbox.pk)
        try:
            with closing(open_source(access)) as source:
                lease = Brittle(claim, self.now, commits)
                return Incoming(
                    fresh,
                    source,
                    lease,
                    current_policy(),
                    self.now,
                    transport_gives_raw=False,
                    can_categorize=True,
                    has_folders=True,
                    budget=timedelta(seconds=60 if in_time else -1),
                ).run()
        except (ConnectorError, LeaseLost):
            return None
        finally:
            MailboxLeg.objects.release(claim)

    def read_all(self, mailbox: Mailbox) -> None:
        """Until nothing is left to do."""
        for _ in range(30):
            report = self.read(mailbox)
            if report is not None and not report.found_something:
                return
        raise AssertionError("mail is read for ever")
