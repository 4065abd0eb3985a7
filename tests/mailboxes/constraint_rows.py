"""A small house, and how rows are made in it, for the table of constraints."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models

from mailboxes.models import Mailbox, Queue, TraceLog
from profiles.models import EmailServerProfile
from tracking.crm.models import Appointment, Email, RecurringAppointmentMaster, ServiceAppointment
from tracking.crm.models.states import ActivityState
from tracking.models import LedgerRow

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class House:
    """Alice, the Support queue and one profile."""

    alice: Any
    support: Queue
    profile: EmailServerProfile
    kind: ContentType

    @property
    def alices(self) -> Mailbox:
        return Mailbox.objects.get(regarding_user=self.alice)

    @property
    def supports(self) -> Mailbox:
        return Mailbox.objects.get(regarding_queue=self.support)

    def email(self, **columns: Any) -> Email:
        values = {"created_on": NOW, "message_id_dup_check": uuid.uuid4()}
        return Email.objects.create(**(values | columns))

    def row(self, **columns: Any) -> LedgerRow:
        return LedgerRow.objects.create(**({"mailbox": self.alices, "discovered_on": NOW} | columns))


Make = Callable[[House], Any]
# constraint → (what is there or passes, in this order; what is then refused)
Case = tuple[list[Make], Make]


def twice(make: Make, *others: Make) -> Case:
    """The same once more is refused; the others pass."""
    return [make, *others], make


def of_profile(column: str, good: int, bad: int) -> Case:
    def change(value: int) -> Make:
        return lambda house: EmailServerProfile.objects.filter(pk=house.profile.pk).update(**{column: value})

    return [change(good)], change(bad)


def alert(**columns: Any) -> Make:
    """`of` names the property of the house that it is about; two names, separated by a space, are one too many."""
    about = columns.pop("of", "").split()
    fields = {"alices": "mailbox", "supports": "mailbox", "profile": "email_server_profile"}
    values = {"level": 3, "cause": "x", "text": "x", "created_on": NOW, "last_occurred_on": NOW} | columns
    return lambda house: TraceLog.objects.create(**values, **{fields[one]: getattr(house, one) for one in about})


def made(model: type[models.Model], of: dict[str, str] | None = None, **columns: Any) -> Make:
    """A row of the model; `of` maps its columns to properties of the house."""
    return lambda house: model._default_manager.create(
        **columns, **{column: getattr(house, name) for column, name in (of or {}).items()}
    )


def changed(model: type[models.Model], of: str, **columns: Any) -> Make:
    return lambda house: model._default_manager.filter(pk=getattr(house, of).pk).update(**columns)


def activity(model: type[models.Model], **columns: Any) -> Make:
    values: dict[str, Any] = {"created_on": NOW}
    if model in (Appointment, ServiceAppointment):
        values |= {"scheduled_start": NOW, "scheduled_end": NOW, "state_code": ActivityState.SCHEDULED}
    if model is RecurringAppointmentMaster:
        values |= {"effective_start_date": NOW, "state_code": ActivityState.SCHEDULED}
    return made(model, **(values | columns))


MINE, ITS_QUEUE, ITS_PROFILE = {"mailbox": "alices"}, {"queue": "support"}, {"profile": "profile"}
FOR_ALICE = {"owner": "alice", "mailbox": "alices", "object_type": "kind"}
FOR_SUPPORT = FOR_ALICE | {"mailbox": "supports"}
ITEM = {"queue": "support", "object_type": "kind"}
RULE = {"exchange_folder_id": "f"}
CLOSED = {"closed_on": NOW}
