"""Tasks, and the phone calls, letters and faxes that are tasks on a server (10.7)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from tracking.crm.models.activities import Activity
from tracking.crm.models.states import (
    FAX_PAIRS,
    LETTER_PAIRS,
    PHONE_CALL_PAIRS,
    TASK_PAIRS,
    Direction,
    FaxStatus,
    LetterStatus,
    PhoneCallStatus,
    TaskStatus,
    legal_pairs,
)


class TaskBase(Activity):
    """What everything to do has: when it begins, when it is due, when it was done."""

    scheduled_start = models.DateTimeField("start", null=True, blank=True)
    scheduled_end = models.DateTimeField("due", null=True, blank=True)
    actual_start = models.DateTimeField(null=True, blank=True)
    actual_end = models.DateTimeField("completed", null=True, blank=True)

    class Meta:
        abstract = True


class Task(TaskBase):
    """Something to do."""

    status_code = models.PositiveSmallIntegerField("status", choices=TaskStatus, default=TaskStatus.NOT_STARTED)
    percent_complete = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["scheduled_end"]
        constraints = [
            models.CheckConstraint(name="task_state_fits_status", condition=legal_pairs(TASK_PAIRS)),
            models.CheckConstraint(name="task_percent_0_to_100", condition=Q(percent_complete__lte=100)),
        ]
        indexes = [
            models.Index(fields=["owner", "state_code"], name="task_of_owner"),
            models.Index(fields=["modified_on"], name="task_modified"),
        ]


class PhoneCall(TaskBase):
    """Somebody to call, or who has called."""

    status_code = models.PositiveSmallIntegerField("status", choices=PhoneCallStatus, default=PhoneCallStatus.OPEN)
    direction_code = models.BooleanField("direction", choices=Direction.choices, default=Direction.OUTGOING)
    phone_number = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["scheduled_end"]
        constraints = [
            models.CheckConstraint(name="phone_call_state_fits_status", condition=legal_pairs(PHONE_CALL_PAIRS))
        ]
        indexes = [
            models.Index(fields=["owner", "state_code"], name="phone_call_of_owner"),
            models.Index(fields=["modified_on"], name="phone_call_modified"),
        ]


class Letter(TaskBase):
    """A letter to write, or that came."""

    status_code = models.PositiveSmallIntegerField("status", choices=LetterStatus, default=LetterStatus.OPEN)
    direction_code = models.BooleanField("direction", choices=Direction.choices, default=Direction.OUTGOING)

    class Meta:
        ordering = ["scheduled_end"]
        constraints = [models.CheckConstraint(name="letter_state_fits_status", condition=legal_pairs(LETTER_PAIRS))]
        indexes = [
            models.Index(fields=["owner", "state_code"], name="letter_of_owner"),
            models.Index(fields=["modified_on"], name="letter_modified"),
        ]


class Fax(TaskBase):
    """A fax to send, or that came."""

    status_code = models.PositiveSmallIntegerField("status", choices=FaxStatus, default=FaxStatus.OPEN)
    direction_code = models.BooleanField("direction", choices=Direction.choices, default=Direction.OUTGOING)
    fax_number = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["scheduled_end"]
        verbose_name_plural = "faxes"
        constraints = [models.CheckConstraint(name="fax_state_fits_status", condition=legal_pairs(FAX_PAIRS))]
        indexes = [
            models.Index(fields=["owner", "state_code"], name="fax_of_owner"),
            models.Index(fields=["modified_on"], name="fax_modified"),
        ]
