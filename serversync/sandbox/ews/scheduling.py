"""Writing to the calendar of a mailbox: the write itself, and the mail about it that a request asks for."""

from __future__ import annotations

from collections.abc import Iterable

from serversync.sandbox.ews import meetings, series
from serversync.sandbox.ews.access import Call, Content, Found, Place
from serversync.sandbox.ews.appointments import is_organizer, schedule_differs, settle, without_answers
from serversync.sandbox.ews.meetings import MODES, Mode, others, tell
from serversync.sandbox.ews.properties import put, stored_text
from serversync.sandbox.ews.responses import answer, meeting_of
from serversync.sandbox.ews.soap import Element, EwsError, child, local_name, m, t
from serversync.sandbox.store import Item, World
from serversync.sandbox.zones import iana_name

ENDINGS = ("CancelCalendarItem", "RemoveItem")


def read_mode(call: Call, attribute: str) -> Mode:
    """What a request says about mail to attendees. Raises EwsError where it must say it and does not."""
    given = call.body.get(attribute)
    if given is None:
        raise EwsError(f"Error{attribute}Required", f"{attribute} attribute is required for calendar items.")
    if given not in MODES:
        raise EwsError("ErrorSchemaValidation", f"{attribute} cannot be {given!r}.")
    return MODES[given]


def create(world: World, place: Place, properties: dict[str, str], categories: Iterable[str], mode: Mode) -> Item:
    """Put a complete new appointment into a folder and, if asked to, invite everybody."""
    mailbox = place.mailbox
    invited = others(properties, mailbox) if mode.send else set()
    if invited:
        _mark_sent(properties, 0)
    item = mailbox.append(
        place.folder.id, b"", item_class="IPM.Appointment", categories=categories, properties=properties, is_read=True
    )
    tell(world, mailbox, "request", invited, item.properties, mode)
    return item


def time_zone_context(call: Call) -> str:
    """The zone that a request names in its header, for appointments that name none."""
    header = child(call.body.getroottree().getroot(), "Header")
    context = None if header is None else child(header, "TimeZoneContext")
    definition = None if context is None else child(context, "TimeZoneDefinition")
    given = "UTC" if definition is None else definition.get("Id", "UTC")
    return given if iana_name(given) else "UTC"


def end(call: Call, described: Element) -> Content:
    """CancelCalendarItem: the organizer calls a meeting off. RemoveItem: an attendee takes one that was called off out
    of the calendar, and the cancellation with it. The appointment goes to Deleted Items."""
    reference = child(described, "ReferenceItemId")
    if reference is None:
        raise EwsError("ErrorSchemaValidation", f"{local_name(described)} needs a ReferenceItemId.")
    found = call.found(reference)
    meeting = meeting_of(found)
    organizes = is_organizer(meeting.item.properties)
    if local_name(described) == "CancelCalendarItem":
        if not organizes:
            raise EwsError("ErrorCalendarIsNotOrganizer", "Only the organizer can call the meeting off.")
        remove(call.world, meeting, MODES["SendToAllAndSaveCopy"], to_bin=True)
        return [m("Items")]
    if organizes:
        raise EwsError("ErrorCalendarIsOrganizerForRemove", "The organizer cannot remove the meeting like this.")
    remove(call.world, meeting, MODES["SendToNone"], to_bin=True)
    if meeting.item is not found.item and found.series is None:
        found.mailbox.move(found.item, "deleteditems")
    return [m("Items")]


def _mark_sent(properties: dict[str, str], number: int) -> None:
    put(properties, t("MeetingRequestWasSent", True), t("AppointmentSequenceNumber", number))


def change(world: World, found: Found, properties: dict[str, str], categories: list[str], mode: Mode) -> None:
    """Keep the new properties of an appointment, a series or one occurrence, and tell the attendees if asked to.

    Only the organizer's changes are told. New attendees get a request, removed ones a cancellation, the others an
    update. Raises EwsError for what no calendar can hold.
    """
    before = found.item.properties
    settle(properties, before)
    sends = (
        mode.send
        and is_organizer(properties)
        and bool(others(properties, found.mailbox) | others(before, found.mailbox))
    )
    _refuse_in_bin(found, sends)
    was_sent = stored_text(before, "MeetingRequestWasSent") == "true"
    if sends:
        _mark_sent(properties, meetings.sequence(before) + was_sent)
    if schedule_differs(properties, before):
        properties.update(without_answers(properties))
    _keep(found, properties, categories)
    if not sends:
        return
    now, then = others(properties, found.mailbox), others(before, found.mailbox)
    if not was_sent:
        then = then - now
    moved = bool(now ^ then)
    tell(world, found.mailbox, "cancellation", then - now, before, mode)
    tell(world, found.mailbox, "request", now - then, properties, mode)
    if not (mode.changed_only and moved):
        tell(world, found.mailbox, "update", now & then, properties, mode)


def _refuse_in_bin(found: Found, sends: bool) -> None:
    if sends and found.item.folder_id == found.mailbox.folder("deleteditems").id:
        words = "The calendar item cannot be updated because it is in the Deleted Items folder."
        raise EwsError("ErrorCalendarCannotUpdateDeletedItem", words)


def _keep(found: Found, properties: dict[str, str], categories: list[str]) -> None:
    item = found.item
    if found.series is None:
        same = categories == item.categories
        found.mailbox.update(item, properties=properties, categories=None if same else categories)
        return
    item.properties, item.categories = properties, categories
    found.mailbox.update(found.series, properties=series.with_exception(found.series, item))


def remove(world: World, found: Found, mode: Mode, *, to_bin: bool) -> None:
    """Delete an appointment, a series or one occurrence. If asked to, the organizer's attendees get a cancellation, and
    the organizer of somebody else's meeting a refusal, whether or not anybody was ever invited: better that a rehearsal
    shows one mail too many."""
    mailbox, item = found.mailbox, found.item
    if found.series is None and to_bin:
        mailbox.move(item, "deleteditems")
    elif found.series is None:
        mailbox.delete(item)
    else:
        original = series.original_start(item.properties)
        assert original is not None
        mailbox.update(found.series, properties=series.without_occurrence(found.series, original))
    if not mode.send:
        return
    if is_organizer(item.properties):
        gone = item.properties.copy()
        _mark_sent(gone, meetings.sequence(gone) + 1)
        tell(world, mailbox, "cancellation", others(gone, mailbox), gone, mode)
    elif stored_text(item.properties, "IsCancelled") != "true":
        answer(world, mailbox, item.properties, "Decline")
