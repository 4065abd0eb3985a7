"""The people of the stories: Alice, Bob and Charlie have user mailboxes, the Support queue has one of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from mailboxes.models import (
    Approval,
    IncomingDeliveryMethod,
    IncomingFilter,
    Leg,
    Mailbox,
    MailboxLeg,
    Organization,
    OutgoingDeliveryMethod,
    Queue,
)
from mailboxes.provision import save_new
from profiles.connectors.mime import Address
from profiles.models import CredentialRetrieval, EmailServerProfile, ServerType
from profiles.secrets import Sealed
from serversync.cycles import engine
from serversync.cycles.engine import Ended
from tests.world import SandboxProcess
from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.writing import NewEmail, write_draft
from tracking.models import LedgerRow, LedgerState, LedgerTotal, Placement

PASSWORD = "secret"
SERVICE = "service@us.test"
FORWARD = "forward@us.test"


class Company:
    """Sets up mailboxes on both sides: an account in the sandbox, a mailbox that may use it here."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox

    def pop3_profile(self, **columns: Any) -> EmailServerProfile:
        """POP3 in and SMTP out, credentials on each mailbox."""
        return self._profile(
            "POP3",
            server_type=ServerType.OTHER_POP3_SMTP,
            incoming_server_location="127.0.0.1",
            incoming_port_number=self.sandbox.pop3_port,
            incoming_tls="none",
            use_same_settings_for_outgoing_connections=False,
            outgoing_server_location="127.0.0.1",
            outgoing_port_number=self.sandbox.smtp_port,
            outgoing_tls="none",
            **columns,
        )

    def exchange_profile(self, **columns: Any) -> EmailServerProfile:
        """Exchange, with a service account that impersonates every mailbox."""
        self.sandbox.account(SERVICE, PASSWORD, impersonate=True)
        columns.setdefault("incoming_credential_retrieval", CredentialRetrieval.SPECIFIED_IN_PROFILE)
        columns.setdefault("incoming_password", Sealed.of(PASSWORD))
        return self._profile(
            "Exchange",
            server_type=ServerType.EXCHANGE_SERVER,
            incoming_server_location=self.sandbox.ews_url,
            incoming_use_impersonation=True,
            incoming_username=SERVICE,
            **columns,
        )

    def _profile(self, name: str, **columns: Any) -> EmailServerProfile:
        columns.setdefault("timeout_mailbox_connection_after_amount", 5_000)
        profile, _ = EmailServerProfile.objects.get_or_create(name=columns.pop("name", name), defaults=columns)
        return profile

    def user(
        self,
        name: str,
        profile: EmailServerProfile,
        takes: IncomingFilter = IncomingFilter.ALL_MESSAGES,
        **columns: Any,
    ) -> Mailbox:
        """A user `name` with the address name@us.test, approved and enabled."""
        address = f"{name.lower()}@us.test"
        self.sandbox.account(address, PASSWORD)
        user = get_user_model().objects.create_user(name.lower(), address, PASSWORD, first_name=name)
        user.sync_settings.incoming_email_filtering_method = takes
        user.sync_settings.save()
        return self._enable(user.mailbox, profile, **columns)

    def queue(
        self,
        name: str,
        profile: EmailServerProfile,
        takes: IncomingFilter = IncomingFilter.ALL_MESSAGES,
        **columns: Any,
    ) -> Mailbox:
        """A queue `name` with the address name@us.test, approved and enabled."""
        address = f"{name.lower()}@us.test"
        self.sandbox.account(address, PASSWORD)
        queue = Queue.objects.create(name=name, email_address=address, incoming_email_filtering_method=takes)
        return self._enable(queue.mailbox, profile, **columns)

    def forward_mailbox(self, profile: EmailServerProfile, **columns: Any) -> Mailbox:
        """The forward mailbox forward@us.test, enabled (1.5)."""
        self.sandbox.account(FORWARD, PASSWORD)
        mailbox = Mailbox(name="Forward", email_address=FORWARD, is_forward_mailbox=True)
        save_new(mailbox, timezone.now())
        return self._enable(
            mailbox, profile, **{"outgoing_email_delivery_method": OutgoingDeliveryMethod.NONE, **columns}
        )

    def _enable(self, mailbox: Mailbox, profile: EmailServerProfile, **columns: Any) -> Mailbox:
        values = {
            "email_server_profile": profile,
            "incoming_email_delivery_method": IncomingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION,
            "outgoing_email_delivery_method": OutgoingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION,
            "email_router_access_approval": Approval.APPROVED,
            "allow_email_connector_to_use_credentials": True,
            "username": mailbox.email_address,
            "password": PASSWORD,
            **columns,
        }
        for column, value in values.items():
            setattr(mailbox, column, value)
        mailbox.full_clean()
        mailbox.save()
        mailbox.legs.update(enabled=True)
        return mailbox


def run(mailbox: Mailbox, leg: Leg = Leg.INCOMING, now: datetime | None = None) -> Ended:
    """Ask one leg to run and run it, as the worker would."""
    row = MailboxLeg.objects.get(mailbox=mailbox, leg=leg)
    MailboxLeg.objects.filter(pk=row.pk).request(now or timezone.now())
    ended = engine.drain((lambda: now) if now else timezone.now, 60, among=[row.pk])
    assert len(ended) == 1, f"expected one cycle, got {ended}"
    return ended[0]


def receive(mailbox: Mailbox) -> Ended:
    """One incoming cycle that must succeed."""
    ended = run(mailbox)
    assert ended.error is None, ended.error
    assert not ended.skipped, ended.skipped
    return ended


def send(mailbox: Mailbox) -> Ended:
    """One outgoing cycle that must succeed."""
    ended = run(mailbox, Leg.OUTGOING)
    assert ended.error is None, ended.error
    assert not ended.skipped, ended.skipped
    return ended


def leg(mailbox: Mailbox, which: Leg = Leg.INCOMING) -> MailboxLeg:
    """The leg as it is stored now."""
    return MailboxLeg.objects.get(mailbox=mailbox, leg=which)


def assert_balanced(mailbox: Mailbox) -> LedgerTotal:
    """The ledger's equation holds, and the totals are what the rows say."""
    total = LedgerTotal.objects.get(mailbox=mailbox)
    rows = {state: LedgerRow.objects.filter(mailbox=mailbox, state=state).count() for state in LedgerState}
    assert total.balances, vars(total)
    assert [total.pending, total.tracked, total.ignored, total.quarantined, total.gone] == [
        rows[state] for state in LedgerState
    ]
    assert total.shown == Placement.objects.filter(mailbox=mailbox).count()
    assert total.copies == total.shown - sum(rows.values())
    return total


def decide(**overrides: Any) -> None:
    """Change the organization's settings."""
    Organization.objects.update_or_create(pk=1, defaults={"overrides": overrides})


def row_of(mailbox: Mailbox) -> LedgerRow:
    """The only ledger row of the mailbox."""
    return LedgerRow.objects.get(mailbox=mailbox)


def write(mailbox: Mailbox, to: str, subject: str = "News", **more: Any) -> Email:
    """Somebody writes an email here and it leaves."""
    email = write_draft(NewEmail(mailbox, [Address("", to)], subject, text="Dear all", **more), timezone.now())
    delivery.submit(email, timezone.now())
    send(mailbox)
    email.refresh_from_db()
    return email
