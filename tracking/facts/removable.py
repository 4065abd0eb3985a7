"""What may be taken out of tracking, and which of it somebody means: a mail, a conversation, a time, an exclusion (law 12)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from mailboxes.models import Mailbox
from tracking.crm.models import ActivityParty, Email, Participation
from tracking.crm.models.states import EmailStatus
from tracking.models import LedgerRow, LedgerState, TrackingExclusion
from tracking.models.exclusions import ExclusionKind

OUTGOING = True
RECIPIENTS = (Participation.TO, Participation.CC, Participation.BCC)


def removable(rows: QuerySet[LedgerRow]) -> QuerySet[LedgerRow]:
    """Those of these rows that hold an email and can let go of it.

    What waits to be judged comes later. Mail that was written here is no tracked mail: for its writer it is the record of
    what was sent, and while it is on its way nothing may take it away.
    """
    held = rows.filter(state__in=[LedgerState.TRACKED, LedgerState.IGNORED], email__isnull=False)
    return held.exclude(written_here(), email__sender_mailbox=F("mailbox"))


def written_here(prefix: str = "email__") -> Q:
    """Outgoing mail that went out, or will, from here; not what was found in Sent Items (5.3)."""
    outgoing = Q(**{f"{prefix}direction_code": OUTGOING})
    handed_over = Q(**{f"{prefix}delivery_attempts__gt": 0}) | ~Q(**{f"{prefix}status_code": EmailStatus.SENT})
    return outgoing & handed_over


def of_emails(emails: QuerySet[Email], mailboxes: QuerySet[Mailbox]) -> QuerySet[LedgerRow]:
    """What holds these emails in these mailboxes and may be taken out of tracking."""
    return removable(LedgerRow.objects.filter(email__in=emails.order_by().values("pk"), mailbox__in=mailboxes))


def of_conversation(conversation: UUID | None, email_id: UUID, mailboxes: QuerySet[Mailbox]) -> QuerySet[LedgerRow]:
    """The same for all emails of a conversation; for one email where there is none."""
    if conversation is None:
        return of_emails(Email.objects.filter(pk=email_id), mailboxes)
    return of_emails(Email.objects.filter(conversation_tracking_id=conversation), mailboxes)


def since(mailbox: Mailbox, start: datetime) -> QuerySet[LedgerRow]:
    """Everything in this mailbox that was received from then on."""
    rows = LedgerRow.objects.annotate(received=Coalesce("received_on", "decided_on", "discovered_on"))
    return removable(rows.filter(mailbox=mailbox, received__gte=start))


def matching(exclusions: Collection[TrackingExclusion]) -> QuerySet[LedgerRow]:
    """What was tracked before these exclusions were made, and would not be now: in their mailbox, or in any."""
    conditions = Q(pk__in=[])
    for one in exclusions:
        where = Q() if one.mailbox_id is None else Q(mailbox=one.mailbox_id)
        conditions |= where & _matched_by(one)
    return removable(LedgerRow.objects.filter(conditions))


def _matched_by(one: TrackingExclusion) -> Q:
    if one.kind == ExclusionKind.THREAD:
        return Q(email__in=_in_thread(one.value).order_by().values("pk"))
    own = Q(email__sender_mailbox=F("mailbox"), email__direction_code=OUTGOING)
    if one.kind == ExclusionKind.ADDRESS:
        written, addressed = Q(email__sender__iexact=one.value), Q(address_used__iexact=one.value)
    else:
        written = Q(email__sender__iendswith=f"@{one.value}") | Q(email__sender__iendswith=f".{one.value}")
        addressed = Q(address_used__iendswith=f"@{one.value}") | Q(address_used__iendswith=f".{one.value}")
    parties = ActivityParty.objects.filter(
        addressed,
        activity_type=ContentType.objects.get_for_model(Email),
        activity_id=OuterRef("email_id"),
        participation_type_mask__in=RECIPIENTS,
    )
    # 5.3: of what the owner of the mailbox has sent, the other side are its recipients.
    return (written & ~own) | (own & Q(Exists(parties)))


def _in_thread(value: str) -> QuerySet[Email]:
    """A conversation by its id, or by the Message-ID of its first message."""
    try:
        return Email.objects.filter(conversation_tracking_id=UUID(value))
    except ValueError:
        named = Email.objects.filter(Q(message_id__iexact=value) | Q(in_reply_to__iexact=value))
        return Email.objects.filter(
            Q(pk__in=named.values("pk")) | Q(conversation_tracking_id__in=named.values("conversation_tracking_id"))
        )
