"""States, statuses and which pairs of them are legal (entity model §4). Option numbers are kept exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import models
from django.db.models import Q


class ActivityState(models.IntegerChoices):
    OPEN = 0, "Open"
    COMPLETED = 1, "Completed"
    CANCELED = 2, "Canceled"
    SCHEDULED = 3, "Scheduled"


class Priority(models.IntegerChoices):
    LOW = 0, "Low"
    NORMAL = 1, "Normal"
    HIGH = 2, "High"


class Direction:
    """`directioncode` is a yes/no column: outgoing or not (7.1)."""

    INCOMING = False
    OUTGOING = True
    choices = ((OUTGOING, "Outgoing"), (INCOMING, "Incoming"))


class EmailStatus(models.IntegerChoices):
    """7.1"""

    DRAFT = 1, "Draft"
    COMPLETED = 2, "Completed"
    SENT = 3, "Sent"
    RECEIVED = 4, "Received"
    CANCELED = 5, "Canceled"
    PENDING_SEND = 6, "Pending send"
    SENDING = 7, "Sending"
    FAILED = 8, "Failed"


class DeliveryState(models.IntegerChoices):
    """What is known of an outgoing message (law 7). Ours: the original knows no "unknown"."""

    NOT_SENT = 0, "Not sent"
    ACCEPTED = 1, "Accepted by the server"
    UNKNOWN = 2, "Unknown: check or resend"
    PARTLY_REFUSED = 3, "Some recipients were refused"
    REFUSED = 4, "Refused"
    BOUNCED = 5, "Came back"
    PARTLY_BOUNCED = 6, "Came back for some recipients"


class RecipientState(models.IntegerChoices):
    """What is known of one recipient of an outgoing message. Ours: the original knows only the whole email."""

    NOT_SENT = 0, "Not sent"
    ACCEPTED = 1, "Accepted by the server"
    DELAYED = 2, "Not delivered yet"
    REFUSED = 3, "Refused"
    BOUNCED = 4, "Came back"
    DELIVERED = 5, "Delivered"
    READ = 6, "Read"


class HoldReason(models.IntegerChoices):
    """Why an email that may be sent waits for a person's word all the same. Ours."""

    NONE = 0, "Not held"
    TOO_OLD = 1, "It has waited so long that somebody should look at it first"
    LOOP = 2, "So many have gone to the same address that two machines may be answering each other"


class CorrelationMethod(models.IntegerChoices):
    """6.1"""

    NONE = 0, "None"
    SKIPPED = 1, "Skipped"
    X_HEADER = 2, "X-header"
    IN_REPLY_TO = 3, "In-Reply-To"
    TRACKING_TOKEN = 4, "Tracking token"
    CONVERSATION_INDEX = 5, "Conversation index"
    SMART_MATCHING = 6, "Smart matching"
    CUSTOM = 7, "Custom"


class Notifications(models.IntegerChoices):
    """5.19"""

    NONE = 0, "None"
    SOME_ATTACHMENTS_NOT_SAVED = 1, "Some attachments were not saved"
    TRUNCATED_BODY = 2, "The body was truncated"


class AutomaticKind(models.IntegerChoices):
    """Mail that no person wrote (RFC 3834, RFC 3464, vendors' marks). Ours: the original does not tell (5.2)."""

    NONE = 0, "Written by a person"
    AUTO_REPLY = 1, "Automatic reply"
    BOUNCE = 2, "Bounce"
    DELAY_NOTICE = 3, "Notice of delay"
    BULK = 4, "List or bulk mail"
    NOTIFICATION = 5, "Automatic notification"
    RECEIPT = 6, "Receipt"


class AppointmentStatus(models.IntegerChoices):
    FREE = 1, "Free"
    TENTATIVE = 2, "Tentative"
    COMPLETED = 3, "Completed"
    CANCELED = 4, "Canceled"
    BUSY = 5, "Busy"
    OUT_OF_OFFICE = 6, "Out of office"


class TaskStatus(models.IntegerChoices):
    NOT_STARTED = 2, "Not started"
    IN_PROGRESS = 3, "In progress"
    WAITING = 4, "Waiting on someone else"
    COMPLETED = 5, "Completed"
    CANCELED = 6, "Canceled"
    DEFERRED = 7, "Deferred"


class PhoneCallStatus(models.IntegerChoices):
    OPEN = 1, "Open"
    MADE = 2, "Made"
    CANCELED = 3, "Canceled"
    RECEIVED = 4, "Received"


class LetterStatus(models.IntegerChoices):
    OPEN = 1, "Open"
    DRAFT = 2, "Draft"
    RECEIVED = 3, "Received"
    SENT = 4, "Sent"
    CANCELED = 5, "Canceled"


class FaxStatus(models.IntegerChoices):
    OPEN = 1, "Open"
    COMPLETED = 2, "Completed"
    SENT = 3, "Sent"
    RECEIVED = 4, "Received"
    CANCELED = 5, "Canceled"


Pairs = Mapping[ActivityState, Sequence[int]]

EMAIL_PAIRS: Pairs = {
    ActivityState.OPEN: [EmailStatus.DRAFT, EmailStatus.FAILED],
    ActivityState.COMPLETED: [
        EmailStatus.COMPLETED,
        EmailStatus.SENT,
        EmailStatus.RECEIVED,
        EmailStatus.PENDING_SEND,
        EmailStatus.SENDING,
    ],
    ActivityState.CANCELED: [EmailStatus.CANCELED],
}
APPOINTMENT_PAIRS: Pairs = {
    ActivityState.OPEN: [AppointmentStatus.FREE, AppointmentStatus.TENTATIVE],
    ActivityState.SCHEDULED: [AppointmentStatus.BUSY, AppointmentStatus.OUT_OF_OFFICE],
    ActivityState.COMPLETED: [AppointmentStatus.COMPLETED],
    ActivityState.CANCELED: [AppointmentStatus.CANCELED],
}
TASK_PAIRS: Pairs = {
    ActivityState.OPEN: [TaskStatus.NOT_STARTED, TaskStatus.IN_PROGRESS, TaskStatus.WAITING, TaskStatus.DEFERRED],
    ActivityState.COMPLETED: [TaskStatus.COMPLETED],
    ActivityState.CANCELED: [TaskStatus.CANCELED],
}
PHONE_CALL_PAIRS: Pairs = {
    ActivityState.OPEN: [PhoneCallStatus.OPEN],
    ActivityState.COMPLETED: [PhoneCallStatus.MADE, PhoneCallStatus.RECEIVED],
    ActivityState.CANCELED: [PhoneCallStatus.CANCELED],
}
LETTER_PAIRS: Pairs = {
    ActivityState.OPEN: [LetterStatus.OPEN, LetterStatus.DRAFT],
    ActivityState.COMPLETED: [LetterStatus.RECEIVED, LetterStatus.SENT],
    ActivityState.CANCELED: [LetterStatus.CANCELED],
}
FAX_PAIRS: Pairs = {
    ActivityState.OPEN: [FaxStatus.OPEN],
    ActivityState.COMPLETED: [FaxStatus.COMPLETED, FaxStatus.SENT, FaxStatus.RECEIVED],
    ActivityState.CANCELED: [FaxStatus.CANCELED],
}


def legal_pairs(pairs: Pairs) -> Q:
    """The condition that state and status belong together, for a database constraint."""
    condition = Q()
    for state, statuses in pairs.items():
        condition |= Q(state_code=int(state), status_code__in=[int(status) for status in statuses])
    return condition


def state_of(pairs: Pairs, status: int) -> ActivityState:
    """The one state a status belongs to. Raises ValueError for an unknown status."""
    for state, statuses in pairs.items():
        if status in statuses:
            return state
    raise ValueError(f"{status} is no status of this activity")
