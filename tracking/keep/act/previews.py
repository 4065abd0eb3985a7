"""Asking the worker what the first synchronization would do, and noting what it has counted (10.1 f).

`SyncProgress.preview` holds `numbers`, as counted on `previewed_on`, or the `error` of the last attempt. While somebody
waits for new ones it holds `due` as well, the moment from which a worker may take the request; and `so_far` with the
`cursor` that covers it, so that a count that was interrupted goes on where it was and counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mailboxes.models import Mailbox
from mailboxes.models.leg import LEASE
from profiles.act_items import ItemKind
from tracking.keep.act.noting import progress_of
from tracking.models import SyncProgress

RENEW_EVERY = timedelta(seconds=10)
Preview = dict[str, Any]


class PreviewLost(Exception):
    """Another worker counts now."""


def request_preview(mailbox: Mailbox, now: datetime) -> None:
    """Ask for the numbers of one mailbox; the worker begins within two seconds. Asking again changes nothing."""
    for kind in ItemKind:
        row = progress_of(mailbox, kind)
        if "due" not in row.preview:
            _change(row, lambda known: {**known, "due": _stamp(now)})


def waiting(now: datetime) -> QuerySet[SyncProgress]:
    """What was asked for and nobody is counting. A request that a worker has taken lies in the future until its time is up,
    so that one whose worker died is taken again."""
    return SyncProgress.objects.filter(preview__due__lte=_stamp(now))


def take_request(now: datetime, among: QuerySet[SyncProgress] | None = None) -> SyncProgress | None:
    """The oldest request, of these or of all, for exactly one worker (law 6); None if there is none."""
    rows = waiting(now) if among is None else waiting(now).filter(pk__in=among)
    for row in rows.order_by("preview__due", "pk")[:20]:
        if _change(row, lambda known: {**known, "due": _stamp(now + LEASE)}):
            return row
    return None


class Held:
    """A request while its worker counts. Every step raises PreviewLost if another one has taken it over."""

    def __init__(self, row: SyncProgress, clock: Callable[[], datetime]) -> None:
        self.row = row
        self._clock = clock
        self._renewed_on = clock()

    @property
    def so_far(self) -> tuple[str, dict[str, int]]:
        """Where an interrupted count stopped, and what it had counted by then."""
        return str(self.row.preview.get("cursor", "")), dict(self.row.preview.get("so_far", {}))

    def progress(self) -> None:
        """Something moved: renew now and then."""
        if self._clock() - self._renewed_on >= RENEW_EVERY:
            self._note({})

    def counted(self, cursor: str, numbers: Mapping[str, int]) -> None:
        """One page more."""
        self._note({"cursor": cursor, "so_far": dict(numbers)})

    def put_back(self) -> None:
        """Go on later: others wait as well."""
        self._insist(lambda known: {**known, "due": _stamp(self._clock())})

    def answer(self, numbers: Mapping[str, int]) -> None:
        """All is counted."""
        self._insist(lambda _: {"numbers": dict(numbers)}, previewed_on=self._clock())

    def fail(self, error: str) -> None:
        """It cannot be counted; what was counted before stays."""
        self._insist(
            lambda known: {"error": error[:500]} | {name: known[name] for name in ("numbers",) if name in known}
        )

    def _note(self, news: Preview) -> None:
        self._renewed_on = self._clock()
        self._insist(lambda known: {**known, **news, "due": _stamp(self._renewed_on + LEASE)})

    def _insist(self, change: Callable[[Preview], Preview], **columns: Any) -> None:
        if not _change(self.row, change, **columns):
            raise PreviewLost


def _change(row: SyncProgress, change: Callable[[Preview], Preview], **columns: Any) -> bool:
    """Write unless somebody else has since; `due` is the fence."""
    with transaction.atomic():
        held = SyncProgress.objects.select_for_update().values_list("preview", flat=True).get(pk=row.pk)
        if held.get("due") != row.preview.get("due"):
            return False
        row.preview = change(held)
        SyncProgress.objects.filter(pk=row.pk).update(preview=row.preview, **columns)
    return True


def _stamp(moment: datetime) -> int:
    """A time as a number, which every database compares in the same way."""
    return int(moment.timestamp() * 1_000_000)
