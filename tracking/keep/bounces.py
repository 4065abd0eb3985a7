"""A report marks the email it is about, recipient by recipient: it came back, is late, was delivered or read (RFC 3464,
RFC 8098).

Anybody can send a report. It counts only for a message whose Message-ID it names, for recipients that message really had.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from profiles.connectors.mime import Report, Reported
from tracking.crm import delivery
from tracking.crm.identity import stored_message_id
from tracking.crm.models import ActivityParty, Direction, Email
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import DeliveryState, EmailStatus, RecipientState

_COLUMNS = ("id", "status_code", "delivery_state", "message_id", "sender_mailbox_id", "sent_on")
R = RecipientState
# What a report makes of a recipient, by what was known before. Good news comes late at times, and a notice of delay may
# overtake a bounce: what is final stays, but whoever has read a message has it.
BECOMES: dict[str, dict[RecipientState, RecipientState]] = {
    "failed": dict.fromkeys([R.NOT_SENT, R.ACCEPTED, R.DELAYED, R.DELIVERED], R.BOUNCED),
    "delayed": dict.fromkeys([R.NOT_SENT, R.ACCEPTED], R.DELAYED),
    "delivered": dict.fromkeys([R.NOT_SENT, R.ACCEPTED, R.DELAYED], R.DELIVERED),
    "relayed": dict.fromkeys([R.NOT_SENT, R.DELAYED], R.ACCEPTED),
    "expanded": dict.fromkeys([R.NOT_SENT, R.DELAYED], R.ACCEPTED),
    "displayed": dict.fromkeys([R.NOT_SENT, R.ACCEPTED, R.DELAYED, R.DELIVERED, R.BOUNCED], R.READ),
}
_SAYS_WHY = frozenset({R.BOUNCED, R.DELAYED})


def note_reports(reports: Iterable[Report], now: datetime) -> None:
    """Mark the emails that these reports are about; the same report again changes nothing. Call it inside the transaction
    that settles the reports."""
    for report in reports:
        for email in _reported_emails(report):
            _note(email, report, now)


def _reported_emails(report: Report) -> list[Email]:
    """What was sent from here and has left, as far as anybody knows, for one recipient at least."""
    ids = [stored_message_id(one) for one in report.message_ids]
    if not ids:
        return []
    sent = Email.objects.filter(message_id__in=ids, direction_code=Direction.OUTGOING)
    left = sent.filter(status_code__in=[EmailStatus.SENT, EmailStatus.SENDING, EmailStatus.PENDING_SEND])
    return list(left.select_for_update().only(*_COLUMNS).order_by("id"))


def _note(email: Email, report: Report, now: datetime) -> None:
    was_unknown = email.status_code == EmailStatus.SENDING and email.delivery_state == DeliveryState.UNKNOWN
    if email.status_code == EmailStatus.PENDING_SEND and email.sent_on is None:
        return  # it has not left
    # One that is being handed over right now has left: its worker, who says so in a moment, finds what is noted here.
    told = {key: one for one in report.recipients for key in one.addresses}
    parties = [party for party in delivery.parties_of(email) if party.address_used.lower() in told]
    if was_unknown and parties:  # law 7: the report proves that it left
        delivery.resolve_unknown(email, was_sent=True, now=now)
        parties = [party for party in delivery.parties_of(email) if party.address_used.lower() in told]
    changed = [party for party in parties if _change(party, told[party.address_used.lower()])]
    if not changed:
        return
    ActivityParty.objects.bulk_update(changed, ["delivery_state", "delivery_detail"])
    state = delivery.state_now(email)
    Email.objects.filter(pk=email.pk).update(delivery_state=state, modified_on=now)
    delivery.tell(email, EventKind.EMAIL_CHANGED, now, delivery_state=int(state))


def _change(party: ActivityParty, one: Reported) -> bool:
    """Whether the report tells something new about this recipient; it is put into the row, unsaved."""
    state = BECOMES[one.action].get(R(party.delivery_state))
    if state is None:
        return False
    party.delivery_state = state
    said = f"{one.status} {one.words}".strip() if state in _SAYS_WHY else ""
    party.delivery_detail = (said or "came back without a reason" if state == R.BOUNCED else said)[
        : delivery.LONGEST_DETAIL
    ]
    return True
