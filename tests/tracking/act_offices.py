"""Alice’s mailbox for the state machine of appointments, contacts and tasks: on a server in this process, or on the sandbox
over sockets. What its methods do is what Alice does in Outlook, and what happens to servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol

from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox, MailboxLeg
from mailboxes.models.leg import LeaseLost
from mailboxes.models.settings import current_policy
from profiles.act_items import Attendee, Fields, Item, ItemKind, PostalAddress, Recurrence, Value
from profiles.connectors import open_item_store
from profiles.connectors.base import ConnectorError, OutcomeUnknown, Throttled
from profiles.connectors.memory import MemoryServer
from profiles.connectors.memory_items import MemoryItems
from profiles.items import Access, Transport
from serversync.cycles.act import Act
from tests.company import PASSWORD, SERVICE, Company
from tests.profiles import exchange
from tests.synchronizing import ALICE, CATEGORY
from tests.tracking.filing_office import Brittle
from tests.world import SandboxProcess
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, HeldWrite, SyncQuestion, UserDecision
from tracking.models.reversible import Decision

HOST = "calendar.us.test"
HOUR = timedelta(hours=1)
WRITES = ("CreateItem", "UpdateItem", "DeleteItem")


class Office(Protocol):
    """One mailbox, wherever it is."""

    alice: Mailbox
    access: Access

    def keys(self) -> dict[tuple[ItemKind, str], list[str]]:
        """The keys of all items, by kind and name."""
        ...

    def put(self, kind: ItemKind, fields: Fields) -> None:
        """Make an item that is to be tracked."""
        ...

    def change(self, kind: ItemKind, key: str, fields: Fields) -> None:
        """Set fields of an item."""
        ...

    def remove(self, kind: ItemKind, key: str) -> None:
        """Delete an item."""
        ...

    def move_away_and_back(self, kind: ItemKind, key: str, meanwhile: Callable[[], object]) -> None:
        """Put it elsewhere and back again: it is the same under another key."""
        ...

    def move_between_calendars(self, key: str, *, below: bool) -> None:
        """Put an appointment into a calendar below the main one, or back."""
        ...

    def lose_cursors(self) -> None:
        """As after a restore."""
        ...

    def lose_an_answer(self, skip: int, what: int) -> None:
        """A write to come is done, but the line breaks before the answer."""
        ...

    def be_busy(self, skip: int) -> None:
        """One request to come is refused for now."""
        ...

    def calm_down(self) -> None:
        """No more trouble is to come."""
        ...

    def invitations(self) -> Counter[str]:
        """How often somebody was invited, by the name of the meeting."""
        ...

    def mailed_about(self) -> set[str]:
        """The names of all meetings about which somebody was mailed."""
        ...

    def state(self) -> Any:
        """Something that differs after every write and every mail."""
        ...


def name_of(kind: ItemKind) -> str:
    """The field that nobody changes."""
    return "last_name" if kind is ItemKind.CONTACT else "subject"


def item_at(office: Office, kind: ItemKind, name: str) -> Item | None:
    """The item with this name as it is now."""
    found = office.keys().get((kind, name))
    if not found:
        return None
    with closing(open_item_store(office.access)) as store:
        [item] = store.fetch(kind, found[:1])
    return item if isinstance(item, Item) else None


def cycle(office: Office, commits: int = 0) -> int:
    """Returns how much was written; -1 if the cycle broke off. With `commits` the lease is lost at that one."""
    now = timezone.now()
    claim = MailboxLeg.objects.claim(MailboxLeg.objects.get(mailbox=office.alice, leg=Leg.ACT), now, "tests")
    assert claim is not None
    fresh = Mailbox.objects.select_related("regarding_user__sync_settings").get(pk=office.alice.pk)
    try:
        with closing(open_item_store(office.access)) as store:
            report = Act(fresh, store, Brittle(claim, now, commits), current_policy(), now).run()
        return report.sent + report.tracked
    except (ConnectorError, LeaseLost):
        return -1
    finally:
        MailboxLeg.objects.release(claim)


def time_passes() -> None:
    """What is to be tried later is tried now."""
    rows = ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False)
    rows.update(next_attempt_on=timezone.now() - HOUR)


def approve_mail(office: Office) -> None:
    """Whatever mail waits may leave."""
    who = office.alice.regarding_user
    deciding.decide_writes(HeldWrite.objects.filter(decision=Decision.OPEN), Decision.APPROVED, who, timezone.now())


def come_to_rest(office: Office) -> None:
    """Somebody says yes to every question and approves all mail, and cycles run until nothing is to be done."""
    office.calm_down()
    for _ in range(14):
        time_passes()
        approve_mail(office)
        ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).update(
            user_decision=UserDecision.YES, next_attempt_on=timezone.now() - HOUR
        )
        waiting = ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).exists()
        if cycle(office) == 0 and not waiting:
            return
    rows = list(ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).values())
    raise AssertionError(f"no rest: {rows}")


class MemoryOffice:
    """On a server in this process."""

    def __init__(self) -> None:
        self.server = MemoryServer(HOST)
        MemoryItems.of.pop((id(self.server), ALICE), None)
        faces = SimpleNamespace(
            account=lambda address, password, **_: self.server.account(address, password), ews_url="https://x.test/"
        )
        self.alice = _alice(Company(faces))  # type: ignore[arg-type]
        self.items = MemoryItems.at(self.server, ALICE)
        self.access = Access(Transport.MEMORY, ALICE, HOST, username=ALICE, password=PASSWORD)
        self._names: dict[str, str] = {}

    def keys(self) -> dict[tuple[ItemKind, str], list[str]]:
        found: dict[tuple[ItemKind, str], list[str]] = {}
        for item in self.items.held.values():
            name = str(item.fields.get(name_of(item.kind)))
            self._names[item.key] = name
            found.setdefault((item.kind, name), []).append(item.key)
        return found

    def put(self, kind: ItemKind, fields: Fields) -> None:
        self.items.put(kind, fields, categories=(CATEGORY,))

    def change(self, kind: ItemKind, key: str, fields: Fields) -> None:
        self.items.change(key, fields, modified_on=timezone.now())

    def remove(self, kind: ItemKind, key: str) -> None:
        self.items.remove(key)

    def move_away_and_back(self, kind: ItemKind, key: str, meanwhile: Callable[[], object]) -> None:
        item = self.items.held[key]
        self.items.remove(key)
        meanwhile()
        self.items.keep(replace(item, key=f"{key}'"))

    def move_between_calendars(self, key: str, *, below: bool) -> None:
        self.items.move(key, below=below)

    def lose_cursors(self) -> None:
        self.items.lose_cursors()

    def lose_an_answer(self, skip: int, what: int) -> None:
        self.server.trouble("items answer", OutcomeUnknown("The line broke."), skip)

    def be_busy(self, skip: int) -> None:
        self.server.trouble("list items", Throttled("Too busy."), skip)

    def calm_down(self) -> None:
        self.server._troubles.clear()

    def invitations(self) -> Counter[str]:
        return Counter()  # this server does not tell invitations from updates

    def mailed_about(self) -> set[str]:
        self.keys()
        return {self._names[mail.key] for mail in self.items.mailed if mail.key in self._names}

    def state(self) -> Any:
        return len(self.items.mailed), len(self.items.journal)


class ExchangeOffice:
    """On the sandbox, over sockets; what Alice does comes to it by its control endpoint."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        sandbox.reset()
        self.alice = _alice(Company(sandbox))
        self.access = exchange.access(sandbox.ews_url, ALICE, username=SERVICE, password=PASSWORD, timeout=10.0)

    def keys(self) -> dict[tuple[ItemKind, str], list[str]]:
        found: dict[tuple[ItemKind, str], list[str]] = {}
        for kind in ItemKind:
            for item in self.sandbox.act_items(ALICE, kind):
                found.setdefault((kind, item["fields"][name_of(kind)]), []).append(item["id"])
        return found

    def put(self, kind: ItemKind, fields: Fields) -> None:
        self.sandbox.put_act_item(ALICE, kind, _as_json(fields), categories=[CATEGORY])

    def change(self, kind: ItemKind, key: str, fields: Fields) -> None:
        self.sandbox.patch_act_item(ALICE, kind, key, fields=_as_json(fields))

    def remove(self, kind: ItemKind, key: str) -> None:
        self.sandbox.delete_act_item(ALICE, kind, key)

    def move_away_and_back(self, kind: ItemKind, key: str, meanwhile: Callable[[], object]) -> None:
        home = {ItemKind.APPOINTMENT: "calendar", ItemKind.CONTACT: "contacts", ItemKind.TASK: "tasks"}[kind]
        there = self.sandbox.move(ALICE, key, "deleteditems")
        meanwhile()
        self.sandbox.move(ALICE, there, home)

    def move_between_calendars(self, key: str, *, below: bool) -> None:
        if below and not any(one["path"] == "Calendar/Team" for one in self.sandbox.folders(ALICE)):
            self.sandbox.folder(ALICE, "Team", "calendar", "IPF.Appointment")
        self.sandbox.move(ALICE, key, "Calendar/Team" if below else "calendar")

    def lose_cursors(self) -> None:
        self.sandbox.lose_sync_state(ALICE)

    def lose_an_answer(self, skip: int, what: int) -> None:
        operation = WRITES[what % len(WRITES)]
        self.sandbox.fault(face="ews", operation=operation, effect="drop", after_effect=True, times=1, skip=skip)

    def be_busy(self, skip: int) -> None:
        self.sandbox.fault(face="ews", effect="throttle", times=1, skip=skip, delay_seconds=1)

    def calm_down(self) -> None:
        self.sandbox.clear_faults()

    def invitations(self) -> Counter[str]:
        return Counter(mail["subject"] for mail in self.sandbox.meeting_mails() if mail["kind"] == "request")

    def mailed_about(self) -> set[str]:
        return {mail["subject"].removeprefix("Canceled: ") for mail in self.sandbox.meeting_mails()}

    def state(self) -> Any:
        held = [item for kind in ItemKind for item in self.sandbox.act_items(ALICE, kind)]
        return len(self.sandbox.meeting_mails()), sorted((item["id"], item["version"]) for item in held)


def _alice(company: Company) -> Mailbox:
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    return company.user("Alice", company.exchange_profile(), act_delivery_method=method)


def _as_json(fields: Fields) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Value) -> Any:
    """As the control endpoint of the sandbox wants it."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Recurrence):
        told = asdict(value) | {"weekdays": list(value.weekdays), "first": value.first.isoformat()}
        return told | {"until": value.until.isoformat() if value.until else None}
    if isinstance(value, PostalAddress):
        return asdict(value)
    if isinstance(value, tuple):
        return [{"address": one.address, "name": one.name} if isinstance(one, Attendee) else one for one in value]
    return value
