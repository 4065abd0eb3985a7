"""Notifications: Subscribe, Unsubscribe, GetEvents (pull) and GetStreamingEvents.

A subscription listens to the mailbox of its folders and keeps its latest events, numbered; a watermark is such a number
in base64. A move shows as deleted there and created here, as it does in synchronization.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from serversync.sandbox.ews.access import Call, Content, for_each
from serversync.sandbox.ews.soap import (
    Element,
    EwsError,
    child,
    children,
    inner_text,
    local_name,
    m,
    refusal,
    response,
    success,
    t,
)
from serversync.sandbox.store import Change, Folder, MailboxStore, World

KEPT_EVENTS = 10_000
HEARTBEAT = 45.0
MOST_EVENTS = 100
_EVENT_OF = {"create": "CreatedEvent", "delete": "DeletedEvent", "update": "ModifiedEvent", "read": "ModifiedEvent"}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, with its number in the subscription."""

    number: int
    kind: str
    time: datetime
    item_id: str
    change_key: str
    folder_id: str

    def element(self) -> Element:
        """The event as it is notified."""
        return t(
            self.kind,
            t("Watermark", watermark(self.number)),
            t("TimeStamp", self.time),
            t("ItemId", Id=self.item_id, ChangeKey=self.change_key),
            t("ParentFolderId", Id=self.folder_id),
        )


@dataclass(eq=False)
class Subscription:
    """What one client wants to hear of; `folder_ids` None means all folders of the mailbox."""

    id: str
    owner: MailboxStore
    mailbox: MailboxStore
    world: World
    folder_ids: frozenset[str] | None
    kinds: frozenset[str]
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    last: int = 0
    streamed: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, folder: Folder, change: Change) -> None:
        """Note a change if the client wants to know it (a listener of the mailbox)."""
        if self.folder_ids is not None and folder.id not in self.folder_ids:
            return
        item = folder.items.get(change.item_id)
        kinds = [_EVENT_OF[change.kind]]
        if change.kind == "create" and folder.distinguished == "inbox":
            kinds.append("NewMailEvent")
        for kind in kinds:
            if kind in self.kinds:
                self.last += 1
                key = item.change_key if item else ""
                self.events.append(Event(self.last, kind, self.world.now(), change.item_id, key, folder.id))
                self.news.set()

    def after(self, number: int) -> list[Event]:
        """The kept events after this number, at most MOST_EVENTS."""
        return [event for event in self.events if event.number > number][:MOST_EVENTS]


class Subscriptions:
    """All subscriptions of a world; a reset of the world ends them."""

    def __init__(self, world: World) -> None:
        self.by_id: dict[str, Subscription] = {}
        self._world = world
        world.on_reset.append(self.by_id.clear)

    def subscribe(self, call: Call) -> list[Element]:
        """Subscribe: pull or streaming. Raises EwsError for push, which would need a server on the client's side."""
        return for_each(call, [call.body[0]], lambda wish: self._subscribe(call, wish))

    def _subscribe(self, call: Call, wish: Element) -> Content:
        kind = local_name(wish)
        if kind not in ("PullSubscriptionRequest", "StreamingSubscriptionRequest"):
            raise EwsError("ErrorInvalidSubscriptionRequest", f"{kind} is not supported.")
        places = [call.place(reference) for reference in children(child(wish, "FolderIds"))]
        if {place.mailbox for place in places} - {places[0].mailbox if places else None}:
            raise EwsError("ErrorInvalidSubscriptionRequest", "A subscription has the folders of one mailbox only.")
        subscription = Subscription(
            id=base64.b64encode(secrets.token_bytes(24)).decode(),
            owner=call.caller,
            mailbox=places[0].mailbox if places else call.acting,
            world=self._world,
            folder_ids=frozenset(place.folder.id for place in places) if places else None,
            kinds=frozenset(inner.text or "" for inner in children(child(wish, "EventTypes"))),
        )
        subscription.mailbox.listeners.append(subscription.hear)
        self.by_id[subscription.id] = subscription
        pull = m("Watermark", watermark(0)) if kind.startswith("Pull") else None
        identity = m("SubscriptionId", subscription.id)
        return [identity] if pull is None else [identity, pull]

    def unsubscribe(self, call: Call) -> list[Element]:
        """Unsubscribe; an unknown subscription is ErrorSubscriptionNotFound."""
        return for_each(call, [call.body], self._unsubscribe)

    def _unsubscribe(self, request: Element) -> Content:
        subscription = self._find(inner_text(request, "SubscriptionId"))
        subscription.mailbox.listeners.remove(subscription.hear)
        del self.by_id[subscription.id]
        return []

    def get_events(self, call: Call) -> list[Element]:
        """GetEvents: what happened after a watermark, or a status event that only carries the watermark on."""
        return for_each(call, [call.body], self._events_after)

    def _events_after(self, request: Element) -> Content:
        subscription = self._find(inner_text(request, "SubscriptionId"))
        given = inner_text(request, "Watermark")
        found = subscription.after(_number(given))
        more = bool(found) and found[-1].number < subscription.last
        shown = [event.element() for event in found] or [t("StatusEvent", t("Watermark", given))]
        return [
            m(
                "Notification",
                t("SubscriptionId", subscription.id),
                t("PreviousWatermark", given),
                t("MoreEvents", more),
                *shown,
            )
        ]

    async def stream(self, call: Call) -> AsyncIterator[bytes]:
        """GetStreamingEvents: one envelope per chunk, until ConnectionTimeout minutes have passed."""
        if call.planted:
            yield response(call.operation, [refusal(call.operation, call.planted)])
            return
        wanted = [identity.text or "" for identity in call.part("SubscriptionIds")]
        unknown = [identity for identity in wanted if identity not in self.by_id]
        if unknown:
            yield response(call.operation, [_unknown_subscriptions(call.operation, unknown)])
            return
        subscriptions = [self.by_id[identity] for identity in wanted]
        loop = asyncio.get_running_loop()
        end = loop.time() + 60.0 * float(inner_text(call.body, "ConnectionTimeout", "30"))
        yield _status(call.operation, "OK")
        while (left := end - loop.time()) > 0:
            notifications = [told for subscription in subscriptions if (told := _tell(subscription)) is not None]
            if notifications:
                content = m("Notifications", *notifications)
                yield response(call.operation, [success(call.operation, content)])
            elif not await _wait_for_news(subscriptions, min(left, HEARTBEAT)):
                yield _status(call.operation, "OK")
        yield _status(call.operation, "Closed")

    def _find(self, identity: str) -> Subscription:
        if identity not in self.by_id:
            raise EwsError("ErrorSubscriptionNotFound", "The specified subscription was not found.")
        return self.by_id[identity]


def _tell(subscription: Subscription) -> Element | None:
    """The events of a subscription that no stream has told yet."""
    subscription.news.clear()
    found = subscription.after(subscription.streamed)
    if not found:
        return None
    subscription.streamed = found[-1].number
    return m("Notification", t("SubscriptionId", subscription.id), *(event.element() for event in found))


async def _wait_for_news(subscriptions: list[Subscription], seconds: float) -> bool:
    """Wait until one of them has news; False when there was none in so many seconds."""
    waiting = [asyncio.ensure_future(subscription.news.wait()) for subscription in subscriptions]
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for waiter in waiting:
            waiter.cancel()


def _status(operation: str, status: str) -> bytes:
    return response(operation, [success(operation, m("ConnectionStatus", status))])


def _unknown_subscriptions(operation: str, unknown: list[str]) -> Element:
    error = EwsError("ErrorInvalidSubscription", "One or more subscriptions are invalid.")
    listed = m("ErrorSubscriptionIds", *(t("SubscriptionId", identity) for identity in unknown))
    return refusal(operation, error, [listed, m("ConnectionStatus", "Closed")])


def watermark(number: int) -> str:
    """The watermark after the event of that number."""
    return base64.b64encode(f"W{number:012d}".encode()).decode()


def _number(text: str) -> int:
    try:
        return int(base64.b64decode(text, validate=True).decode().removeprefix("W"))
    except (binascii.Error, ValueError) as error:
        raise EwsError("ErrorInvalidWatermark", "The watermark used for creating the events is invalid.") from error
