"""Mail about meetings: who gets it, and what it does to the calendars it reaches.

The people of this world get a meeting message into their Inbox, and their calendar shows the meeting at once, as Exchange's
calendar attendant does it; strangers get a mail with iCalendar in it. Every mail is noted in the world's `meeting_mails`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from serversync.sandbox.ews import series
from serversync.sandbox.ews.appointments import attendees, schedule_differs, settle, without_answers
from serversync.sandbox.ews.bounce import non_delivery_report
from serversync.sandbox.ews.fields import FILE
from serversync.sandbox.ews.itip import PREFIXES, Letter, raw_letter
from serversync.sandbox.ews.properties import put, store_element, stored_text
from serversync.sandbox.ews.soap import Element, t
from serversync.sandbox.faults import address_fault
from serversync.sandbox.store import Item, MailboxStore, MeetingMail, World

ITEM_CLASSES = {
    "request": "IPM.Schedule.Meeting.Request",
    "update": "IPM.Schedule.Meeting.Request",
    "cancellation": "IPM.Schedule.Meeting.Canceled",
}
RESPONSE_CLASSES = {
    "Accept": "IPM.Schedule.Meeting.Resp.Pos",
    "Decline": "IPM.Schedule.Meeting.Resp.Neg",
    "Tentative": "IPM.Schedule.Meeting.Resp.Tent",
}
SHARED = tuple(
    f"t:{name}"
    for name in (
        "Subject Body Start End StartTimeZone EndTimeZone IsAllDayEvent Location Importance Sensitivity UID Organizer "
        "RequiredAttendees OptionalAttendees Resources Recurrence AppointmentSequenceNumber IsResponseRequested "
        "AllowNewTimeProposal ConferenceType OriginalStart RecurrenceId"
    ).split()
)
"""What an attendee's calendar takes over from the organizer's; marks and categories are everybody's own."""
INTENDED = "n:IntendedFreeBusyStatus"


@dataclass(frozen=True, slots=True)
class Mode:
    """Whether a write to a meeting mails anybody: everybody, or (`changed_only`) those who were added or removed, and
    everybody where nobody was; `keep_copy` puts a copy into Sent Items."""

    send: bool = False
    changed_only: bool = False
    keep_copy: bool = False


MODES = {
    "SendToNone": Mode(),
    "SendOnlyToAll": Mode(True),
    "SendOnlyToChanged": Mode(True, changed_only=True),
    "SendToAllAndSaveCopy": Mode(True, keep_copy=True),
    "SendToChangedAndSaveCopy": Mode(True, changed_only=True, keep_copy=True),
}


def others(properties: dict[str, str], mailbox: MailboxStore) -> set[str]:
    """The addresses of all who are invited, but for the mailbox's own."""
    return set(attendees(properties)) - {mailbox.address.lower()}


def tell(
    world: World, mailbox: MailboxStore, kind: str, recipients: Iterable[str], meeting: dict[str, str], mode: Mode
) -> None:
    """Send the organizer's request, update or cancellation to these people."""
    to = tuple(sorted(recipients))
    if not to:
        return
    letter = Letter(kind, mailbox.address, to, meeting, world.now())
    raw = raw_letter(letter, world.settings.host_name)
    for address in to:
        if arrives(world, mailbox, address, letter, raw):
            owner = world.accounts[address]
            calendar = receive(owner, kind, meeting)
            _put_into_inbox(world, owner, letter, raw, calendar)
    if mode.keep_copy:
        mailbox.append("sentitems", raw, is_read=True, item_class=ITEM_CLASSES[kind])


def arrives(world: World, mailbox: MailboxStore, address: str, letter: Letter, raw: bytes) -> bool:
    """Note one mail and say whether it reaches an account of this world. To strangers it is delivered here; addresses
    that always fail get nothing, and the sender a report where the failure is for good."""
    subject, uid, original = (
        letter.subject,
        stored_text(letter.properties, "UID"),
        series.original_start(letter.properties),
    )
    world.meeting_mails.append(
        MeetingMail(letter.now, mailbox.address, address, letter.kind, uid, subject, original, letter.response)
    )
    fault = address_fault(address)
    if fault is not None:
        if fault.code.startswith("5"):
            refused = [(address, fault.code, fault.text)]
            report = non_delivery_report(world.settings.host_name, mailbox.address, refused, raw, letter.now)
            world.route("", [mailbox.address], report)
        return False
    if address not in world.accounts:
        world.route(mailbox.address, [address], raw)
    return address in world.accounts


def _put_into_inbox(world: World, owner: MailboxStore, letter: Letter, raw: bytes, calendar: Item | None) -> None:
    """The MeetingRequest or MeetingCancellation that says it."""
    shared = {key: value for key, value in letter.properties.items() if key in SHARED and key != "t:Body"}
    new, kind = letter.kind == "request", stored_text(letter.properties, "CalendarItemType")
    parts: list[Element | None] = [
        t("MeetingRequestType", "NewMeetingRequest" if new else "FullUpdate"),
        t("IntendedFreeBusyStatus", stored_text(letter.properties, "LegacyFreeBusyStatus") or "Busy"),
        t("ResponseType", "NoResponseReceived"),
        t("CalendarItemType", kind),
        t("IsMeeting", True),
        t("IsRecurring", kind != "Single"),
        t("IsDelegated", False),
        t("IsOutOfDate", False),
        t("HasBeenProcessed", True),
        t("AssociatedCalendarItemId", Id=calendar.id, ChangeKey=calendar.change_key) if calendar else None,
    ]
    own: dict[str, str] = {}
    put(own, *(part for part in parts if part is not None))
    if letter.kind == "cancellation":
        del own["t:MeetingRequestType"], own["t:IntendedFreeBusyStatus"]
    trace = world.received_header(letter.sender, owner.address)
    owner.append("inbox", trace + raw, item_class=ITEM_CLASSES[letter.kind], properties=without_answers(shared) | own)


def calendar_item(mailbox: MailboxStore, uid: str) -> Item | None:
    """The appointment with this UID in a mailbox, but for Deleted Items; of several the oldest, since copies come later."""
    wanted, bin_id = store_element(t("UID", uid)), mailbox.folder("deleteditems").id
    found = (
        item
        for item in mailbox.items()
        if item.properties.get("t:UID") == wanted
        and item.folder_id != bin_id
        and item.item_class.startswith("IPM.Appointment")
    )
    return min(found, key=lambda item: item.seq, default=None)


def receive(owner: MailboxStore, kind: str, meeting: dict[str, str]) -> Item | None:
    """Let a request, an update or a cancellation have its effect on the calendar of one who got it."""
    known = calendar_item(owner, stored_text(meeting, "UID"))
    original = series.original_start(meeting)
    if kind == "cancellation":
        return _cancel(owner, known, meeting)
    if known is None:  # one who is invited to one occurrence only has it as an appointment by itself
        alone = {key: value for key, value in meeting.items() if key != "t:OriginalStart"}
        return owner.append("calendar", b"", item_class="IPM.Appointment", properties=_received(alone, {}))
    if original is not None and series.is_series(known):
        shown = series.occurrence(known, original)
        if shown is not None:
            shown.properties = _received(meeting, shown.properties)
            owner.update(known, properties=series.with_exception(known, shown))
        return known
    owner.update(known, properties=_received(meeting, known.properties))
    return known


def _received(meeting: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    """The meeting as it is in the calendar of an attendee: tentative until answered, and again when its time changes."""
    shared = {key: value for key, value in without_answers(meeting).items() if _is_shared(key)}
    exceptions = {} if before else _shared_exceptions(meeting)
    kept = {key: value for key, value in before.items() if not _is_shared(key)}
    properties = kept | exceptions | shared
    intended = meeting.get("t:LegacyFreeBusyStatus", store_element(t("LegacyFreeBusyStatus", "Busy")))
    properties[INTENDED] = stored_text({"t:LegacyFreeBusyStatus": intended}, "LegacyFreeBusyStatus")
    fresh: list[Element] = [t("IsCancelled", False), t("MeetingRequestWasSent", True)]
    if not before or schedule_differs(meeting, before):
        fresh += [t("MyResponseType", "NoResponseReceived"), t("LegacyFreeBusyStatus", "Tentative")]
    put(properties, *fresh)
    settle(properties, before)
    return properties


def _is_shared(key: str) -> bool:
    return key in SHARED or key.startswith(FILE)


def _shared_exceptions(meeting: dict[str, str]) -> dict[str, str]:
    """The exceptions of a series without what is the organizer's own in them."""
    found = {}
    for key, kept in meeting.items():
        if key.startswith(series.MARK):
            differing = json.loads(kept)["properties"] if kept else {}
            shared = {name: value for name, value in differing.items() if name in SHARED}
            found[key] = json.dumps({"properties": shared, "categories": []}) if kept else ""
    return found


def _cancel(owner: MailboxStore, known: Item | None, meeting: dict[str, str]) -> Item | None:
    original = series.original_start(meeting)
    if known is None:
        return None
    if original is None or not series.is_series(known):
        owner.update(known, properties=cancelled(known.properties))
        return known
    shown = series.occurrence(known, original)
    if shown is not None:
        shown.properties = cancelled(shown.properties)
        owner.update(known, properties=series.with_exception(known, shown))
    return known


def cancelled(properties: dict[str, str]) -> dict[str, str]:
    """The meeting once it is called off: free time, and a word before its subject."""
    subject = stored_text(properties, "Subject")
    prefix = PREFIXES["cancellation"]
    parts = (
        t("Subject", subject if subject.startswith(prefix) else prefix + subject),
        t("IsCancelled", True),
        t("LegacyFreeBusyStatus", "Free"),
    )
    after = dict(properties)
    put(after, *parts, t("AppointmentState", int(stored_text(properties, "AppointmentState") or 0) | 4))
    return after


def sequence(properties: dict[str, str]) -> int:
    """How often attendees have been told of changes."""
    return int(stored_text(properties, "AppointmentSequenceNumber") or 0)
