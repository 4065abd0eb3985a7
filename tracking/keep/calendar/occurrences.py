"""One occurrence of a series, changed or taken out by a person (10.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction

from profiles.act_items import Fields
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.merge import Side
from tracking.decide.occurrences import Exceptions, OccurrenceStep
from tracking.facts.act.kinds import Syncing
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.calendar.records import request_sync


def take_out(series: RecurringAppointmentMaster, original: datetime, syncing: Syncing) -> None:
    """Take one occurrence out of its series; the others stay."""
    _apply(series, OccurrenceStep(Side.CRM, original, removes=True), syncing)


def change_occurrence(series: RecurringAppointmentMaster, original: datetime, fields: Fields, syncing: Syncing) -> None:
    """Make one occurrence differ from its series; where it no longer does, it is as the others again."""
    _apply(series, OccurrenceStep(Side.CRM, original, fields), syncing)


def _apply(series: RecurringAppointmentMaster, step: OccurrenceStep, syncing: Syncing) -> None:
    with transaction.atomic():
        held = RecurringAppointmentMaster.objects.select_for_update().get(pk=series.pk)
        apply_occurrence(held, step, syncing)
        RecurringAppointmentMaster.objects.filter(pk=held.pk).update(modified_on=syncing.now)
    request_sync(held, syncing.now)


def restore_exceptions(series: RecurringAppointmentMaster, exceptions: Exceptions, syncing: Syncing) -> None:
    """What differed in a series that was deleted, and what had been taken out of it."""
    changed: Mapping[datetime, Fields] = exceptions.changed
    for original, fields in changed.items():
        apply_occurrence(series, OccurrenceStep(Side.CRM, original.astimezone(UTC), fields), syncing)
    for original in exceptions.removed:
        apply_occurrence(series, OccurrenceStep(Side.CRM, original.astimezone(UTC), removes=True), syncing)
