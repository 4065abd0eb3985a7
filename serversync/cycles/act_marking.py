"""Items that a person has made and that are linked bear our mark from then on: under other keys, in a mailbox that was moved,
they are still known, and so are their copies (10.1 f, 10.1 j, law 7)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiles.connectors.base import Conflict, ItemRejected, MailboxUnavailable, Transient
from serversync.cycles.act_pair import Pair
from tracking.keep.act import settling
from tracking.models import SyncQuestion

if TYPE_CHECKING:
    from serversync.cycles.act_pairs import Settling


@dataclass
class Marking:
    """One pair that is worked on."""

    settling: Settling
    pair: Pair

    def plan(self) -> None:
        """In the transaction in which the pair agrees: it stays due until its item is marked, so that an interruption
        between the two forgets nothing."""
        row = self.pair.row
        if row.last_sync_error:
            return  # it does not agree: when it is tried again, or not any more, is decided (12.1)
        if row.next_attempt_on is None and not self.pair.is_marking_over and self._is_wanted():
            settling.stay_due(row, self.settling.syncing.now)
            self.pair.is_to_be_marked = True

    def put(self) -> None:
        """Put the mark of the row on the item, unless it is there. Raises ConnectorError where the server cannot be asked
        now: if it is this item after all, the next cycle gets past it, and the one after that gives it up (law 5)."""
        one, row = self.settling, self.pair.row
        if not self.pair.is_to_be_marked or not self._is_wanted():
            return
        self.pair.is_marking_over = True
        try:
            written = one.store.mark(one.kind, row.exchange_entry_id, row.server_version, row.mark)
            one.commit(lambda: settling.was_marked(row, written))
        except settling.ChangedHere:
            return
        except (Conflict, ItemRejected, MailboxUnavailable):
            # The pair agrees all the same, even if we may only read; the next work on it tries again.
            self._note(lambda: settling.stay_unmarked(row))
        except Transient:
            self._note(self._try_once_more if self.pair.tries == 0 else lambda: settling.stay_unmarked(row))
            raise

    def _try_once_more(self) -> None:
        self.pair.row.retries = self.pair.tries + 1
        settling.try_soon(self.pair.row, self.settling.syncing)

    def _note(self, work: Callable[[], object]) -> None:
        with suppress(settling.ChangedHere):  # somebody has noted more: it is looked at anew
            self.settling.commit(work)

    def _is_wanted(self) -> bool:
        row, item = self.pair.row, self.pair.item
        if item is None or item.key != row.exchange_entry_id or not row.mark or item.mark == row.mark:
            return False
        if item.mark and not self.pair.is_first:
            return False  # another database keeps the same mailbox: the two do not overwrite each other for ever
        is_linked = row.pk is not None and row.object_id and row.agreed_on is not None and row.server_version
        is_free = row.question == SyncQuestion.NONE and not row.is_unlinked_in_crm and not row.is_deleted_in_exchange
        return bool(is_linked and is_free)
