"""Answers to invitations: AcceptItem, TentativelyAcceptItem, DeclineItem; CancelCalendarItem and RemoveItem beside them."""

from __future__ import annotations

from serversync.sandbox.ews import series
from serversync.sandbox.ews.access import Call, Content, Found
from serversync.sandbox.ews.appointments import answers, attendees, is_organizer, organizer, with_answer
from serversync.sandbox.ews.itip import Letter, raw_letter
from serversync.sandbox.ews.meetings import INTENDED, RESPONSE_CLASSES, arrives, calendar_item
from serversync.sandbox.ews.properties import put, stored_text
from serversync.sandbox.ews.soap import Element, EwsError, child, local_name, m, t
from serversync.sandbox.store import Item, MailboxStore, World

SAID = tuple(f"t:{name}" for name in ("UID", "Start", "End", "OriginalStart"))
RESPONSES = {"AcceptItem": "Accept", "TentativelyAcceptItem": "Tentative", "DeclineItem": "Decline"}


def respond(call: Call, described: Element) -> Content:
    """Answer the invitation that a ReferenceItemId means: the request in the Inbox, or the meeting in the calendar.

    With MessageDisposition SaveOnly nobody is told. A request that was answered goes to Deleted Items.
    """
    response = RESPONSES[local_name(described)]
    reference = child(described, "ReferenceItemId")
    if reference is None:
        raise EwsError("ErrorSchemaValidation", f"{local_name(described)} needs a ReferenceItemId.")
    found = call.found(reference)
    meeting = meeting_of(found)
    if is_organizer(meeting.item.properties):
        raise EwsError(f"ErrorCalendarIsOrganizerFor{response}", "The organizer cannot answer the meeting.")
    if stored_text(meeting.item.properties, "IsCancelled") == "true":
        raise EwsError(f"ErrorCalendarIsCancelledFor{response}", "The meeting was called off.")
    kept = decide(call.world, meeting, response, send=call.body.get("MessageDisposition") != "SaveOnly")
    if found.item.item_class.startswith("IPM.Schedule"):
        found.mailbox.move(found.item, "deleteditems")
    return [
        m("Items", *([] if kept is None else [t("CalendarItem", t("ItemId", Id=kept.id, ChangeKey=kept.change_key))]))
    ]


def meeting_of(found: Found) -> Found:
    """The calendar's entry of what was found."""
    if not found.item.item_class.startswith("IPM.Schedule"):
        return found
    item = calendar_item(found.mailbox, stored_text(found.item.properties, "UID"))
    if item is None:
        raise EwsError("ErrorItemNotFound", "The meeting is no longer in the calendar.")
    original = series.original_start(found.item.properties)
    if original is None or not series.is_series(item):
        return Found(found.mailbox, item)
    shown = series.occurrence(item, original)
    if shown is None:
        raise EwsError("ErrorItemNotFound", "The occurrence is no longer in the calendar.")
    return Found(found.mailbox, shown, item)


def decide(world: World, meeting: Found, response: str, *, send: bool = True) -> Item | None:
    """Keep an attendee's answer in the own calendar, where a refused meeting is deleted, and tell the organizer.
    Returns the item that is left in the calendar."""
    mailbox, item, master = meeting.mailbox, meeting.item, meeting.series
    properties = item.properties
    if response == "Decline" and master is not None:
        original = series.original_start(properties)
        assert original is not None
        mailbox.update(master, properties=series.without_occurrence(master, original))
    elif response == "Decline":
        mailbox.update(item, properties=_answered(properties, response, world))
        mailbox.move(item, "deleteditems")
    elif master is not None:
        item.properties = _answered(properties, response, world)
        mailbox.update(master, properties=series.with_exception(master, item))
    else:
        mailbox.update(item, properties=_answered(properties, response, world))
    if send:
        answer(world, mailbox, properties, response)
    return None if response == "Decline" else master or item


def _answered(properties: dict[str, str], response: str, world: World) -> dict[str, str]:
    busy = "Tentative" if response == "Tentative" else properties.get(INTENDED, "Busy")
    after = dict(properties)
    put(after, t("MyResponseType", response), t("AppointmentReplyTime", world.now()), t("LegacyFreeBusyStatus", busy))
    return after


def answer(world: World, mailbox: MailboxStore, meeting: dict[str, str], response: str) -> None:
    """Tell the organizer of a meeting what the owner of this mailbox, who may be a stranger, has answered."""
    address = organizer(meeting)[1].lower()
    letter = Letter("response", mailbox.address, (address,), meeting, world.now(), response)
    raw = raw_letter(letter, world.settings.host_name)
    if not arrives(world, mailbox, address, letter, raw):
        return
    owner = world.accounts[address]
    item = calendar_item(owner, stored_text(meeting, "UID"))
    if item is not None:
        _note(world, owner, item, mailbox.address, meeting, response)
    parts = [t("ResponseType", response)]
    if item is not None:
        parts.append(t("AssociatedCalendarItemId", Id=item.id, ChangeKey=item.change_key))
    parts += [t("IsDelegated", False), t("IsOutOfDate", False), t("HasBeenProcessed", True)]
    told: dict[str, str] = {key: meeting[key] for key in SAID if key in meeting}
    put(told, *parts)
    trace = world.received_header(mailbox.address, owner.address)
    owner.append("inbox", trace + raw, item_class=RESPONSE_CLASSES[response], properties=told)


def _note(world: World, owner: MailboxStore, item: Item, address: str, meeting: dict[str, str], response: str) -> None:
    """Keep an answer with the organizer's meeting; one to an occurrence makes an exception of it."""
    original = series.original_start(meeting)
    shown = series.occurrence(item, original) if original is not None and series.is_series(item) else item
    if shown is None or address.lower() not in attendees(shown.properties):
        return
    if answers(shown.properties)[address.lower()][0] == response and shown is item:
        return
    properties = with_answer(shown.properties, address, response, world.now())
    if shown is not item:
        shown.properties = properties
        properties = series.with_exception(item, shown)
    owner.update(item, properties=properties)
