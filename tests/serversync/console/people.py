"""Who looks at the console, and what there is to see."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from mailboxes.models import Approval, LegStatus, Mailbox
from profiles.connectors import mime
from profiles.models import EmailServerProfile, ServerType
from tests.letters import letter
from tracking.crm.identity import content_key, dup_check
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Email, Participation
from tracking.crm.models.states import EMAIL_PAIRS, DeliveryState, EmailStatus, state_of
from tracking.crm.storage import store
from tracking.keep.totals import COLUMN, move_totals
from tracking.models import LedgerRow, LedgerState, Placement

PASSWORD = "a stored secret that no page may show"


def profile(name: str = "Headquarters") -> EmailServerProfile:
    """A profile with passwords in both directions."""
    return EmailServerProfile.objects.create(
        name=name,
        server_type=ServerType.OTHER_POP3_SMTP,
        incoming_server_location="mail.us.test",
        incoming_password=PASSWORD,
        outgoing_password=PASSWORD,
    )


def mailbox(name: str, of: EmailServerProfile | None = None, *, runs: bool = True) -> Mailbox:
    """The mailbox of a new user; one that runs has run once, well."""
    user = get_user_model().objects.create_user(name.lower(), f"{name.lower()}@us.test", first_name=name)
    Mailbox.objects.filter(regarding_user=user).update(
        email_server_profile=of,
        incoming_email_delivery_method=2,
        outgoing_email_delivery_method=2,
        email_router_access_approval=Approval.APPROVED,
    )
    found = Mailbox.objects.get(regarding_user=user)
    found.password = PASSWORD
    found.save()
    if runs:
        now = timezone.now()
        found.legs.update(enabled=True, status=LegStatus.SUCCESS, last_completed_on=now, due_on=now)
    return found


def kept(
    of: Mailbox,
    raw: bytes,
    *,
    status: EmailStatus = EmailStatus.RECEIVED,
    delivery: DeliveryState = DeliveryState.NOT_SENT,
) -> Email:
    """The email of these bytes, with its parties and attachments."""
    now, parsed = timezone.now(), mime.message(raw)
    envelope, blob, outgoing = parsed.envelope, store(raw, now), status != EmailStatus.RECEIVED
    assert envelope.sender is not None
    blob.save()
    email = Email(
        subject=envelope.subject,
        description=parsed.html or parsed.text,
        mime_type="text/html" if parsed.html else "text/plain",
        direction_code=outgoing,
        state_code=state_of(EMAIL_PAIRS, status),
        status_code=status,
        sender=envelope.sender.address,
        message_id=envelope.message_id,
        message_id_dup_check=dup_check(content_key(envelope), outgoing),
        sent_on=now,
        created_on=now,
        original=blob,
        delivery_state=delivery,
        **{"sender_mailbox" if outgoing else "receiving_mailbox": of},
    )
    email.conversation_tracking_id = email.pk
    email.save()
    _add_parties(email, envelope)
    ActivityMimeAttachment.objects.bulk_create(
        ActivityMimeAttachment(
            email=email,
            attachment_number=one.number,
            part_number=one.number,
            file_name=one.file_name,
            mime_type=one.mime_type,
            file_size=one.size,
            attachment_content_id=one.content_id,
        )
        for one in parsed.attachments
    )
    return email


def _add_parties(email: Email, envelope: mime.Envelope) -> None:
    assert envelope.sender is not None
    people = [(Participation.SENDER, envelope.sender), *((Participation.TO, person) for person in envelope.to)]
    for role, person in people:
        ActivityParty.objects.create(
            activity_type=ContentType.objects.get_for_model(Email),
            activity_id=email.pk,
            participation_type_mask=role,
            address_used=person.address,
            unresolved_party_name=person.name,
        )


def row(of: Mailbox, state: LedgerState, **columns: object) -> LedgerRow:
    """A ledger row with one placement, counted in the totals."""
    now: datetime = timezone.now()
    number = LedgerRow.objects.count()
    made = LedgerRow.objects.create(
        mailbox=of,
        state=state,
        content_key=f"{number:032d}",
        discovered_on=now,
        **{"decided_on": None if state == LedgerState.PENDING else now} | columns,
    )
    Placement.objects.create(mailbox=of, folder="inbox", server_key=f"key {number}", ledger_row=made, shown_on=now)
    move_totals(of.pk, {"shown": 1, COLUMN[state]: 1})  # type: ignore[arg-type]
    return made


def plain_letter(subject: str = "Hello", body: str = "Good morning") -> bytes:
    """A letter from Dora to Alice."""
    return letter("Dora <dora@them.test>", "alice@us.test", subject, body)
