"""The recycle bin of Alice’s calendar, tasks and contacts offers what restoring it brings back, and nothing that is there
already (law 9)."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from tests.serversync.console.calendar_rows import open_calendar
from tests.serversync.console.test_calendar_pages import browser, press, text
from tracking.crm.models import Task
from tracking.models import ExchangeSyncIdMapping

pytestmark = pytest.mark.django_db


def test_what_lives_on_with_an_item_is_not_offered_for_restoring() -> None:  # law 9
    calendar = open_calendar()
    alice = browser(calendar.alices.regarding_user)
    assert "/restore/" in text(alice, "calendar:bin")
    now = timezone.now()
    again = Task.objects.create(subject="An old task", owner=calendar.alices.regarding_user, created_on=now)
    named = {"object_type": ContentType.objects.get_for_model(Task), "object_id": str(again.pk)}
    ExchangeSyncIdMapping.objects.create(
        **named,
        owner=again.owner,
        mailbox=calendar.alices,
        kind="task",
        exchange_entry_id="x",
        agreed_on=now,
    )
    type(calendar.recycled).objects.filter(pk=calendar.recycled.pk).update(**named)
    assert "/restore/" not in text(alice, "calendar:bin")
    assert "It has an item already" in press(alice, "calendar:restore", calendar.recycled.pk)
