"""Drafts that an attempt to send may have left on a server: which of them stand for an email that waits no more (law 7).

A draft is saved before it is sent. If it could not be sent, and the email is then taken back, changed or canceled, nobody
needs it any more, and its owner should not find it among the drafts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import EmailStatus
from tracking.models import SyncCursor

OUR_DRAFTS = "our drafts"
"""The cursor that holds, instead of a place in a folder, the emails of which a draft may lie on the server, by mark."""


def held_drafts(leg_id: int) -> dict[str, str]:
    """The ids of the emails, by the marks of the drafts."""
    value = SyncCursor.objects.filter(leg_id=leg_id, folder=OUR_DRAFTS).values_list("value", flat=True).first()
    return dict(json.loads(value)) if value else {}


def note_drafts(leg_id: int, emails: Iterable[Email], instance: str, now: datetime) -> None:
    """Before the first of them is saved on the server. Call it in a transaction that pins the lease."""
    store_drafts(leg_id, held_drafts(leg_id) | {delivery.mark_of(one, instance): str(one.pk) for one in emails}, now)


def store_drafts(leg_id: int, held: Mapping[str, str], now: datetime) -> None:
    """Nothing but these may lie there. Call it in a transaction that pins the lease."""
    cursor: dict[str, Any] = {"leg_id": leg_id, "folder": OUR_DRAFTS}
    if held:
        noted = {"kind": "drafts", "value": json.dumps(held, sort_keys=True), "moved_on": now}
        SyncCursor.objects.update_or_create(**cursor, defaults=noted)
    else:
        SyncCursor.objects.filter(**cursor).delete()


def needed_and_stale(held: Mapping[str, str], instance: str) -> tuple[set[str], Collection[str]]:
    """The marks of drafts that may still be sent, and of those that nobody needs; what was sent left no draft."""
    found = {str(one.pk): one for one in Email.objects.filter(pk__in=held.values()).only("status_code", "original_id")}
    needed, stale = set(), []
    for mark, key in held.items():
        email = found.get(key)
        if email is None or delivery.mark_of(email, instance) != mark or email.status_code not in _WITH_DRAFT:
            stale.append(mark)
        elif email.status_code != EmailStatus.SENT:
            needed.add(mark)
    return needed, stale


_WITH_DRAFT = (EmailStatus.PENDING_SEND, EmailStatus.SENDING, EmailStatus.SENT)
