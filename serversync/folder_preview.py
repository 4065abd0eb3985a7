"""What a folder rule would do, before it is saved: how many messages lie there, how many would be tracked or filed anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors import mime
from profiles.connectors.base import MailSource
from profiles.items import Arrival, Shown
from tracking.crm.identity import content_key, dup_check
from tracking.crm.models import Email
from tracking.decide.folders import Filed
from tracking.facts.folder_rules import follows, held_elsewhere
from tracking.models import Tombstone

MOST = 500
AT_ONCE = 50
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Preview:
    """`total` messages lie in the folder; the newest `looked_at` of them were held against what is tracked.

    `newly` would be tracked, `filed` are tracked and would belong to the record, `kept` are tracked and stay as they are,
    `removed` were taken out of tracking and stay out.
    """

    total: int = 0
    looked_at: int = 0
    newly: int = 0
    filed: int = 0
    kept: int = 0
    removed: int = 0

    @property
    def is_capped(self) -> bool:
        """Whether there are more messages than were looked at."""
        return self.looked_at < self.total

    def __add__(self, other: Preview) -> Preview:
        return Preview(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def preview(mailbox: Mailbox, filed: Filed, folders: Sequence[str], source: MailSource, policy: Policy) -> Preview:
    """Look at what lies in these folders on the server, by headers only; nothing is changed, here or there. Raises
    ConnectorError."""
    shown = [item for folder in folders for item in source.listing(folder)]
    newest = sorted(shown, key=_received, reverse=True)[:MOST]
    keys = iter([item.key for item in newest])
    found = Preview(total=len(shown))
    while some := list(islice(keys, AT_ONCE)):
        arrivals = [one for one in source.fetch(some, raw=False) if isinstance(one, Arrival)]
        found += Preview(looked_at=len(some))
        found += _compared(mailbox, filed, [content_key(mime.envelope(one.headers)) for one in arrivals], policy)
    return found


def _received(item: Shown) -> datetime:
    return item.received_on or _LONG_AGO


def _compared(mailbox: Mailbox, filed: Filed, keys: Sequence[str], policy: Policy) -> Preview:
    """Held against what is tracked, by identity. A message without a Message-ID counts as new: its body is not read."""
    guards = {dup_check(key, outgoing): key for key in keys for outgoing in (False, True)}
    emails = {guards[email.message_id_dup_check]: email for email in _tracked(guards) if email.message_id_dup_check}
    elsewhere = held_elsewhere([email.pk for email in emails.values()], mailbox.pk)
    removed = _removed(mailbox, keys)
    counts = {"newly": 0, "filed": 0, "kept": 0, "removed": 0}
    for key in keys:
        email = emails.get(key)
        if key in removed:
            counts["removed"] += 1
        elif email is None:
            counts["newly"] += 1
        else:
            counts["filed" if follows(email, filed, email.pk in elsewhere, policy) else "kept"] += 1
    return Preview(**counts)


def _tracked(guards: Iterable[UUID]) -> list[Email]:
    columns = ("id", "message_id_dup_check", "regarding_type_id", "regarding_id", "edited_fields")
    return list(Email.objects.filter(message_id_dup_check__in=list(guards)).only(*columns))


def _removed(mailbox: Mailbox, keys: Sequence[str]) -> set[str]:
    stones = Tombstone.objects.filter(mailbox=mailbox, content_key__in=keys).values_list("content_key", flat=True)
    return set(stones)
