"""A forward mailbox: what it was shown is unpacked, and what that carried is settled for whoever forwarded it (8).

What was carried is settled as if the addressee's own mailbox had received it: with their filter, their start date, in
their ledger. Only the bytes come from here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import OperationalError

from mailboxes import brake
from mailboxes.models import Leg, Mailbox
from mailboxes.models.leg import LeaseLost
from profiles.connectors import mime
from profiles.connectors.base import ConnectorError
from profiles.items import Arrival, Missing
from serversync.cycles.settling import Fetching, Settling
from tracking.crm.storage import read
from tracking.decide.forwarding import InvalidForwardMailItem, addressee, carrier_of, folder_through
from tracking.facts.forwarding import addressees, carriers_with, comes_in_for, whose_mail_waits
from tracking.keep.pending import Waiting, next_batch
from tracking.keep.unpack import Carried, Carrier, unpack
from tracking.models import Placement


@dataclass(slots=True)
class Inside:
    """What carriers hold, fetched as from a mailbox. A carrier that is `at_hand` is not asked for once more."""

    source: Fetching
    at_hand: dict[int, bytes] = field(default_factory=dict)

    def fetch(self, keys: Sequence[str], *, raw: bool) -> Iterator[Arrival | Missing]:
        """One result for each key; carrier by carrier, so that only one of them is in memory."""
        numbers: dict[int, list[int]] = defaultdict(list)
        wanted = {carrier_of(key): key for key in keys}
        for carrier, number in wanted:
            numbers[carrier].append(number)
        for carrier, result in self._carriers(list(numbers)):
            held = mime.inner_messages(result) if isinstance(result, bytes) else ()
            for number in numbers[carrier]:
                key = wanted[carrier, number]
                if isinstance(result, Missing):
                    yield Missing(key, result.gone, result.error)
                elif number < len(held):
                    yield Arrival(key, len(held[number]), held[number], held[number] if raw else None)
                else:
                    yield Missing(key, gone=False, error="the message that carried it holds it no more")

    def _carriers(self, ids: Sequence[int]) -> Iterator[tuple[int, bytes | Missing]]:
        yield from ((pk, self.at_hand[pk]) for pk in ids if pk in self.at_hand)
        stored = carriers_with(pk for pk in ids if pk not in self.at_hand)
        shown: dict[str, Placement] = {}
        for pk in ids:
            placement = stored.get(pk)
            if placement is not None and placement.ledger_row.raw_id:
                yield pk, _kept(placement.ledger_row.raw_id)
            elif placement is not None and placement.gone_on is None:
                shown[placement.server_key] = placement
            elif pk not in self.at_hand:
                yield pk, Missing("", gone=True)
        for result in self.source.fetch(list(shown), raw=True) if shown else ():
            missing = result if isinstance(result, Missing) else Missing(result.key, False, "it was not given whole")
            yield shown[result.key].pk, getattr(result, "raw", None) or missing


class Unpacking(Settling):
    """Settles batches of a forward mailbox. Fetching and failing are as in every mailbox."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._inside = Inside(self.source)
        self._others: dict[object, Settling] = {}

    def settle(self, batch: Sequence[Waiting]) -> None:
        """Bring every item to what it carried, to a later try, to quarantine or to "gone". Raises ConnectorError,
        LeaseLost."""
        whole = list(self._whole_ones(batch))
        found = addressees({_address_of(envelope) for _, envelope, _ in whole}, self.policy)
        opened: list[Carrier] = []
        for waiting, envelope, raw in whole:
            held = mime.inner_messages(raw)
            try:
                meant = addressee(envelope.sender, found.get(_address_of(envelope)), bool(held))
            except InvalidForwardMailItem as error:
                self._fail(waiting, error, raw, at_once=True)  # 8.4
                continue
            carried = tuple(Carried(len(one), mime.received_on(one) or waiting.row.received_on) for one in held)
            opened.append(Carrier(waiting, envelope, len(raw), meant, carried))
            self._inside.at_hand[waiting.placement.pk] = raw
        self._unpack(opened)

    def _whole_ones(self, batch: Sequence[Waiting]) -> Iterator[tuple[Waiting, mime.Envelope, bytes]]:
        for waiting, arrival in self._fetch(batch, raw=True):
            try:
                if arrival.raw is None:
                    raise InvalidForwardMailItem(self._too_large())
                yield waiting, mime.envelope(arrival.raw), arrival.raw
            except InvalidForwardMailItem as error:
                self._fail(waiting, error, None, at_once=True)
            except (ConnectorError, LeaseLost, OperationalError):
                raise
            except Exception as error:
                self._fail(waiting, error, arrival.raw)

    def _too_large(self) -> str:
        megabytes = self.policy.maximum_message_size // (1024 * 1024)
        return (
            f"it is larger than {megabytes} MB, so it was not opened. It stays on the server. Raise the largest message "
            "size in the settings of the organization, then press “Redo”."
        )

    def _unpack(self, opened: Sequence[Carrier]) -> None:
        """All in one transaction; if that fails, one by one."""
        if not opened:
            return
        try:
            new = unpack(opened, self.mailbox, self.policy, self.can_categorize, self.now, self.lease.pin)
        except (ConnectorError, LeaseLost, OperationalError):
            raise
        except Exception as error:
            if len(opened) > 1:
                for one in opened:
                    self._unpack([one])
                return
            waiting = opened[0].waiting
            self._fail(waiting, error, self._inside.at_hand.pop(waiting.placement.pk))
        else:
            self.report.seen += max(0, new - len(opened))

    def settle_carried(self, time_is_up: Callable[[], bool]) -> None:
        """Settle what was carried and waits, also since an earlier cycle, until nothing is left or the time is up."""
        folder = folder_through(self.mailbox.pk)
        for mailbox in whose_mail_waits(self.mailbox.pk):
            while self._may_go_on(mailbox) and (batch := next_batch(mailbox, folder, self.now)):
                self._settling_for(mailbox).settle(batch)
                if time_is_up():
                    self.report.more = True
                    return
        self._inside.at_hand.clear()

    def _may_go_on(self, mailbox: Mailbox) -> bool:
        """What waits for a mailbox that is paused, or that takes no mail at present, goes on waiting (1.9)."""
        return comes_in_for(mailbox, self.policy) and brake.pause_over(mailbox, Leg.INCOMING) is None

    def _settling_for(self, mailbox: Mailbox) -> Settling:
        if mailbox.pk not in self._others:
            self._others[mailbox.pk] = Settling(
                mailbox,
                self._inside,
                self.lease,
                self.policy,
                self.now,
                self.report,
                transport_gives_raw=True,
                can_categorize=False,
                through=self.mailbox,
            )
        return self._others[mailbox.pk]


def _kept(digest: str) -> bytes | Missing:
    try:
        return read(digest)
    except FileNotFoundError:
        return Missing("", gone=False, error="the bytes that were kept of the message that carried it are missing")


def _address_of(envelope: mime.Envelope) -> str:
    return envelope.sender.key if envelope.sender else ""
