"""What the stories of forward mailboxes share: mail for our people, what their rules make of it, and how it is told."""

from __future__ import annotations

import pytest

from mailboxes.models import IncomingDeliveryMethod, Mailbox
from profiles.models import EmailServerProfile
from tests.company import FORWARD, Company
from tests.letters import forwarded, letter
from tracking.crm.models import Email
from tracking.decide.verdicts import Reason
from tracking.models import LedgerRow, LedgerState

ALICE, BOB, SUPPORT, ANN = "alice@us.test", "bob@us.test", "support@us.test", "ann@acme.test"
FORWARDS = {"incoming_email_delivery_method": IncomingDeliveryMethod.FORWARD_MAILBOX}
OPENED = (LedgerState.TRACKED, Reason.UNPACKED)


@pytest.fixture(params=["pop3", "exchange"])
def profile(request: pytest.FixtureRequest, company: Company) -> EmailServerProfile:
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def mail(subject: str, to: str = ALICE, **more) -> bytes:
    return letter(ANN, to, subject, f"About {subject}", **more)


def forward(company: Company, *carried: bytes, by: str = ALICE, **more) -> str:
    """A rule in somebody's mailbox has forwarded these."""
    [item] = company.sandbox.deliver(FORWARD, forwarded(by, FORWARD, *carried, **more))
    return item


def subjects() -> list[str]:
    return sorted(Email.objects.values_list("subject", flat=True))


def row(mailbox: Mailbox) -> LedgerRow:
    """The only ledger row of the mailbox."""
    return LedgerRow.objects.get(mailbox=mailbox)


def carriers(box: Mailbox) -> list[tuple[int, int | None]]:
    """State and reason of what lies in the forward mailbox."""
    return list(LedgerRow.objects.filter(mailbox=box).order_by("id").values_list("state", "reason"))
