"""Taking back what synchronization has deleted, for as long as the recycle bin keeps it (law 9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from profiles.act_items import ItemKind
from tracking.crm.models import RecurringAppointmentMaster, ServiceAppointment
from tracking.decide.act_values import fields_from_json
from tracking.decide.field_maps import RecordKind
from tracking.decide.occurrences import exceptions_from_json
from tracking.facts.act.files import still_kept
from tracking.facts.act.kinds import MODELS, Record, kind_of_type
from tracking.facts.act.pairs import Meetable
from tracking.facts.act.service_activities import renders
from tracking.facts.calendar.bin import living_on
from tracking.keep.act.anew import call_anew
from tracking.keep.act.service_activities import add_resource
from tracking.keep.act.writing import MADE_FROM, make_record
from tracking.keep.calendar.deciding import NotPossible, syncing_of
from tracking.keep.calendar.occurrences import restore_exceptions
from tracking.keep.calendar.records import request_sync
from tracking.models import ExchangeSyncIdMapping, RecycledItem


def restore(item: RecycledItem, by: Any, now: datetime) -> Record:
    """The record is here again as it was; the next run gives it to the server again, if a filter lets it through.
    Raises NotPossible."""
    if item.restored_on is not None:
        raise NotPossible("It was restored already.")
    if item.expires_on <= now:
        raise NotPossible("The recycle bin keeps things for a while only; this was too long ago.")
    with transaction.atomic():
        if not RecycledItem.objects.filter(pk=item.pk, restored_on=None).update(restored_on=now, restored_by=by):
            raise NotPossible("Somebody was faster: it was restored already.")
        found: Any = MODELS[kind_in(item)]
        record = found._default_manager.filter(pk=item.object_id or None).first()
        if record is None:
            record = _made_again(item, now)
        elif isinstance(record, ServiceAppointment) and not renders(record, item.mailbox.regarding_user_id or 0):
            raise NotPossible("The service activity is still here. Who renders it is said there, by its owner.")
        elif living_on([item], now):
            raise NotPossible("It has an item already: it was made again, or somebody else calls the meeting now.")
        else:  # only its item was deleted: it may have one again
            rows = ExchangeSyncIdMapping.objects.filter(mailbox_id=item.mailbox_id, object_type_id=item.object_type_id)
            rows.filter(object_id=item.object_id, is_unlinked_in_crm=True, is_deleted_in_exchange=True).delete()
            if isinstance(record, Meetable):
                call_anew(record, item.mailbox_id, now)
        record.save()
    request_sync(record, now)
    return record


def _made_again(item: RecycledItem, now: datetime) -> Record:
    try:
        fields = fields_from_json(item.snapshot["fields"])
        if "attachments" in fields:
            fields["attachments"] = still_kept(fields["attachments"])
        syncing = syncing_of(item.mailbox, now)
        made = make_record(kind_in(item), fields, syncing)
        if isinstance(made, RecurringAppointmentMaster):
            restore_exceptions(made, exceptions_from_json(item.snapshot.get("occurrences") or {})[0], syncing)
    except (KeyError, ValueError, TypeError) as error:
        raise NotPossible(f"What was kept of it cannot be read: {error}.") from error
    if isinstance(made, ServiceAppointment):
        _come_back_with(item, made, now)
    RecycledItem.objects.filter(pk=item.pk).update(object_id=str(made.pk))
    return made


def _come_back_with(item: RecycledItem, made: ServiceAppointment, now: datetime) -> None:
    """A service activity comes back once, for all who had a copy of it (10.5)."""
    same = RecycledItem.objects.filter(object_type_id=item.object_type_id, object_id=item.object_id, restored_on=None)
    for other in same.exclude(mailbox_id=item.mailbox_id).select_related("mailbox"):
        if other.mailbox.regarding_user_id is not None and not renders(made, other.mailbox.regarding_user_id):
            add_resource(made, other.mailbox.regarding_user_id)
    same.update(restored_on=now, restored_by_id=item.mailbox.regarding_user_id, object_id=str(made.pk))


def kind_in(item: RecycledItem) -> RecordKind:
    """What kind of record it was, or would become."""
    known = kind_of_type(item.object_type_id)
    if known is not None:
        return known
    kind = MADE_FROM[ItemKind(item.kind)]
    is_series = item.snapshot.get("fields", {}).get("recurrence") is not None
    return RecordKind.SERIES if is_series and kind is RecordKind.APPOINTMENT else kind
