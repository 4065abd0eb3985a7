"""Which of our tables is which kind of record, and for whom they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.contrib.contenttypes.models import ContentType

from mailboxes.models import Mailbox
from profiles.act_items import ItemKind, TakesFile
from tracking.crm.models import (
    Appointment,
    Contact,
    Fax,
    Letter,
    PhoneCall,
    RecurringAppointmentMaster,
    ServiceAppointment,
    Task,
)
from tracking.decide.field_maps import RecordKind

Record = Appointment | RecurringAppointmentMaster | ServiceAppointment | Task | PhoneCall | Letter | Fax | Contact
MODELS: Mapping[RecordKind, type[Record]] = MappingProxyType(
    {
        RecordKind.APPOINTMENT: Appointment,
        RecordKind.SERIES: RecurringAppointmentMaster,
        RecordKind.SERVICE: ServiceAppointment,
        RecordKind.TASK: Task,
        RecordKind.PHONE_CALL: PhoneCall,
        RecordKind.LETTER: Letter,
        RecordKind.FAX: Fax,
        RecordKind.CONTACT: Contact,
    }
)
_KINDS = {model: kind for kind, model in MODELS.items()}


@dataclass(frozen=True, slots=True)
class Syncing:
    """Whose mailbox is synchronized: the user's key, time zone and address."""

    mailbox: Mailbox
    user_id: int
    zone: str
    now: datetime
    takes_file: TakesFile | None = None  # which files of appointments are synchronized; None = none of them (10.3.8)

    @classmethod
    def of(cls, mailbox: Mailbox, now: datetime) -> Syncing:
        """That of the user to whom a mailbox belongs."""
        zone = getattr(getattr(mailbox.regarding_user, "sync_settings", None), "time_zone", "") or "UTC"
        return cls(mailbox, mailbox.regarding_user_id or 0, zone, now)

    @property
    def address(self) -> str:
        """Lower case, as attendees have them."""
        return self.mailbox.email_address.lower()


def kind_of(record: Record) -> RecordKind:
    """The kind of one of our records."""
    return _KINDS[type(record)]


def content_type_of(kind: RecordKind) -> ContentType:
    """The type by which a mapping names such a record."""
    return ContentType.objects.get_for_model(MODELS[kind])


def kind_of_type(type_id: int | None) -> RecordKind | None:
    """The kind that a mapping's content type stands for."""
    return next((kind for kind in MODELS if content_type_of(kind).pk == type_id), None)


def record_kinds(kind: ItemKind) -> list[RecordKind]:
    """What of ours is an item of this kind on a server."""
    return [one for one in RecordKind if one.item_kind is kind]
