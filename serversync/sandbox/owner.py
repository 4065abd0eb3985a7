"""What the owner of a mailbox does to appointments, contacts and tasks, and what there is to see, in simple names.

    GET    /mailboxes/ADDRESS/KIND          its items: id, version, folder, uid, categories, fields, changed, removed …
    POST   /mailboxes/ADDRESS/KIND          {fields, categories?, extended?, reminder?, attach?, uid?, folder?, notify?}
    POST   /mailboxes/ADDRESS/KIND/patch    {id, fields?, categories?, extended?, …, attach?, detach?, original_start?, notify?}
    POST   /mailboxes/ADDRESS/KIND/delete   {id, original_start?, notify?, for_good?}
    POST   /mailboxes/ADDRESS/KIND/copy     {id, folder?}
    POST   /mailboxes/ADDRESS/respond       {uid, response, original_start?, organizer?}
    GET    /meeting-mails                   every mail about a meeting that left; POST /meeting-mails/clear

KIND is "appointment", "contact" or "task", `fields` are those of `ews/canonical.py`. A time `original_start` means one
occurrence of a series. `reminder` is minutes before an appointment, the time for a task, or null; `attach` and `detach`
are files and names of files, as `attachments` shows them. `notify` is one of the words of
SendMeetingInvitationsOrCancellations, SendToNone if left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from serversync.sandbox.ews import canonical, files, scheduling, series
from serversync.sandbox.ews.access import Found, Place
from serversync.sandbox.ews.appointments import answers, complete_appointment, is_organizer
from serversync.sandbox.ews.meetings import MODES, Mode, calendar_item
from serversync.sandbox.ews.properties import put, stored_text
from serversync.sandbox.ews.reminders import read_reminder, write_reminder
from serversync.sandbox.ews.responses import answer, decide
from serversync.sandbox.ews.soap import EwsError, t, wire_text
from serversync.sandbox.ews.tasks import complete_task, task_property_set
from serversync.sandbox.json_http import Answer, HttpError
from serversync.sandbox.store import Folder, FolderError, Item, MailboxStore, World

Handler = Callable[..., Answer]
HOME = {"appointment": "calendar", "contact": "contacts", "task": "tasks"}
RESPONSES = {"accept": "Accept", "decline": "Decline", "tentative": "Tentative"}
_OF_TASKS = {
    "start": "StartDate",
    "due": "DueDate",
    "percent_complete": "PercentComplete",
    "status": "Status",
    "completed": "CompleteDate",
}


class Owner:
    """The part of the control endpoint that is about appointments, contacts and tasks."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """The rows of the control endpoint's table."""
        kinds = "/mailboxes/([^/]+)/(appointment|contact|task)"
        return (
            ("GET", kinds, _plainly(self.items)),
            ("POST", kinds, _plainly(self.create)),
            ("POST", f"{kinds}/patch", _plainly(self.patch)),
            ("POST", f"{kinds}/delete", _plainly(self.delete)),
            ("POST", f"{kinds}/copy", _plainly(self.copy)),
            ("POST", "/mailboxes/([^/]+)/respond", _plainly(self.respond)),
            ("GET", "/meeting-mails", self.meeting_mails),
            ("POST", "/meeting-mails/clear", self.clear_meeting_mails),
        )

    def items(self, address: str, kind: str) -> Answer:
        """All items of a kind but for those in Deleted Items, in order of arrival."""
        mailbox = self._mailbox(address)
        bin_id, prefix = mailbox.folder("deleteditems").id, canonical.ITEM_CLASSES[kind]
        found = [item for item in mailbox.items() if item.item_class.startswith(prefix) and item.folder_id != bin_id]
        return [_described(mailbox, kind, item) for item in sorted(found, key=lambda item: item.seq)]

    def create(self, address: str, kind: str, body: dict[str, Any]) -> Answer:
        """{fields, categories?, extended?, uid?, folder?, notify?}: a new item. An appointment whose `organizer` is
        somebody else is a meeting that the owner was invited to and has not answered."""
        mailbox = self._mailbox(address)
        place = Place(mailbox, _folder(mailbox, str(body.get("folder") or HOME[kind])))
        properties = {str(key): str(value) for key, value in body.get("extended", {}).items()}
        self._write(kind, properties, body["fields"])
        self._beside(kind, properties, body)
        categories = [str(category) for category in body.get("categories", ())]
        if kind == "appointment":
            if "uid" in body:
                put(properties, t("UID", str(body["uid"])))
            if _somebody_else(properties, mailbox):
                put(properties, t("MyResponseType", "NoResponseReceived"))
            complete_appointment(properties, mailbox.address, self.world.now(), "UTC")
            item = scheduling.create(self.world, place, properties, categories, _mode(body))
            return _described(mailbox, kind, item)
        if kind == "task":
            complete_task(properties, mailbox.address)
        item = mailbox.append(
            place.folder.id,
            b"",
            is_read=True,
            item_class=canonical.ITEM_CLASSES[kind],
            categories=categories,
            properties=properties,
        )
        return _described(mailbox, kind, item)

    def patch(self, address: str, kind: str, body: dict[str, Any]) -> Answer:
        """{id, fields?, categories?, extended?, original_start?, notify?}: change an item, or one occurrence of it."""
        found = self._found(self._mailbox(address), body)
        properties = dict(found.item.properties)
        self._write(kind, properties, body.get("fields", {}))
        self._beside(kind, properties, body)
        for key, value in body.get("extended", {}).items():
            properties.pop(key, None)
            if value is not None:
                properties[str(key)] = str(value)
        categories = [str(category) for category in body.get("categories", found.item.categories)]
        if kind == "appointment":
            scheduling.change(self.world, found, properties, categories, _mode(body))
        else:
            found.mailbox.update(found.item, properties=properties, categories=categories)
        return _described(found.mailbox, kind, found.series or found.item)

    def delete(self, address: str, _kind: str, body: dict[str, Any]) -> Answer:
        """{id, original_start?, notify?, for_good?}: delete an item, or one occurrence of it; else it goes to Deleted
        Items."""
        found = self._found(self._mailbox(address), body)
        for_good = bool(body.get("for_good", False))
        if found.item.item_class.startswith("IPM.Appointment"):
            scheduling.remove(self.world, found, _mode(body), to_bin=not for_good)
        elif for_good:
            found.mailbox.delete(found.item)
        else:
            found.mailbox.move(found.item, "deleteditems")
        return {}

    def copy(self, address: str, kind: str, body: dict[str, Any]) -> Answer:
        """{id, folder?}: copy an item, in its own folder if no other is named; a copy keeps UID and marks."""
        found = self._found(self._mailbox(address), {"id": body["id"]})
        folder = _folder(found.mailbox, str(body.get("folder") or found.item.folder_id))
        return _described(found.mailbox, kind, found.mailbox.copy(found.item, folder.id))

    def respond(self, address: str, body: dict[str, Any]) -> Answer:
        """{uid, response, original_start?, organizer?}: answer an invitation with accept, decline or tentative. For a
        stranger, who has no calendar here, `organizer` says whose meeting it is."""
        response = RESPONSES.get(body["response"])
        if response is None:
            raise HttpError(400, f"The responses are {', '.join(RESPONSES)}.")
        mailbox = self.world.mailbox(address)
        holder = self._mailbox(str(body.get("organizer", address)))
        item = calendar_item(holder, str(body["uid"]))
        if item is None:
            raise HttpError(404, f"{holder.address} has no meeting with this UID.")
        found = _occurrence(Found(holder, item), body.get("original_start"))
        if holder is mailbox:
            decide(self.world, found, response)
        else:
            answer(self.world, mailbox, found.item.properties, response)
        return {}

    def meeting_mails(self) -> Answer:
        """Every mail about a meeting that left a mailbox of this world, in order."""
        return [
            {
                "time": mail.time.isoformat(),
                "from": mail.sender,
                "to": mail.recipient,
                "kind": mail.kind,
                "uid": mail.uid,
                "subject": mail.subject,
                "original_start": None if mail.original_start is None else wire_text(mail.original_start),
                "response": mail.response,
            }
            for mail in self.world.meeting_mails
        ]

    def clear_meeting_mails(self, _: dict[str, Any]) -> Answer:
        """Forget them; what was delivered stays where it is."""
        self.world.meeting_mails.clear()
        return {}

    def _write(self, kind: str, properties: dict[str, str], fields: dict[str, Any]) -> None:
        for name in canonical.write_fields(kind, properties, fields):
            if kind == "task" and name in _OF_TASKS:
                task_property_set(properties, _OF_TASKS[name], self.world.now())

    @staticmethod
    def _beside(kind: str, properties: dict[str, str], body: dict[str, Any]) -> None:
        """What is no field: the reminder, and files."""
        if "reminder" in body:
            write_reminder(kind, properties, body["reminder"])
        files.detach(properties, [str(name) for name in body.get("detach", ())])
        files.attach(properties, [files.from_description(one) for one in body.get("attach", ())])

    def _mailbox(self, address: str) -> MailboxStore:
        found = self.world.mailbox(address, create=False)
        if found is None:
            raise HttpError(404, f"There is no mailbox {address}.")
        return found

    def _found(self, mailbox: MailboxStore, body: dict[str, Any]) -> Found:
        item = mailbox.find(str(body["id"]))
        if item is None:
            raise HttpError(404, f"{mailbox.address} has no item with this id.")
        return _occurrence(Found(mailbox, item), body.get("original_start"))


def _plainly(handler: Handler) -> Handler:
    """The handler with refusals of the EWS face as sentences."""

    def handle(*parts: Any) -> Answer:
        try:
            return handler(*parts)
        except EwsError as error:
            raise HttpError(400, f"{error.code}: {error.text}") from error
        except (ValueError, AttributeError, TypeError) as error:
            raise HttpError(400, f"A value cannot be read: {error}") from error

    return handle


def _occurrence(found: Found, original_start: Any) -> Found:
    if original_start is None:
        return found
    moment = datetime.fromisoformat(str(original_start)).astimezone(UTC)
    shown = series.occurrence(found.item, moment) if series.is_series(found.item) else None
    if shown is None:
        raise HttpError(404, f"The item has no occurrence at {original_start}.")
    return Found(found.mailbox, shown, found.item)


def _somebody_else(properties: dict[str, str], mailbox: MailboxStore) -> bool:
    people = canonical.APPOINTMENT["organizer"].read(properties)
    return any(person["address"] != mailbox.address.lower() for person in people)


def _mode(body: dict[str, Any]) -> Mode:
    notify = str(body.get("notify", "SendToNone"))
    if notify not in MODES:
        raise HttpError(400, f"notify is one of {', '.join(MODES)}.")
    return MODES[notify]


def _folder(mailbox: MailboxStore, reference: str) -> Folder:
    found = mailbox.find_folder(reference) or mailbox.folder_at(reference) or mailbox.folder_named(reference)
    if found is None:
        raise FolderError(f"{mailbox.address} has no folder {reference!r}.", "ErrorFolderNotFound")
    return found


def _described(mailbox: MailboxStore, kind: str, item: Item) -> dict[str, Any]:
    folder = mailbox.folder(item.folder_id)
    shown: dict[str, Any] = {
        "id": item.id,
        "version": item.change_key,
        "kind": kind,
        "folder": folder.distinguished or mailbox.path(folder),
        "categories": item.categories,
        "modified_on": wire_text(item.modified or item.created),
        "fields": canonical.read_fields(kind, item.properties),
        "reminder": read_reminder(kind, item.properties),
        "attachments": files.described(item.properties),
        "extended": {key: value for key, value in item.properties.items() if key.startswith("x:")},
    }
    return shown | _scheduling(item) if kind == "appointment" else shown


def _scheduling(item: Item) -> dict[str, Any]:
    recurring = series.is_series(item)
    kept = series.kept(item) if recurring else {}
    return {
        "uid": stored_text(item.properties, "UID"),
        "is_organizer": is_organizer(item.properties),
        "is_cancelled": stored_text(item.properties, "IsCancelled") == "true",
        "my_response": stored_text(item.properties, "MyResponseType"),
        "responses": {address: response for address, (response, _) in answers(item.properties).items()},
        "changed": [
            {"original_start": wire_text(original), "fields": _differing(item, original)}
            for original, text in kept.items()
            if text
        ],
        "removed": [wire_text(original) for original, text in kept.items() if text == ""],
    }


def _differing(master: Item, original: datetime) -> dict[str, Any]:
    """The fields in which an occurrence differs from its pattern."""
    shown, plain = series.occurrence(master, original), series.plain_occurrence(master, original)
    if shown is None or plain is None:
        return {}
    now, before = (canonical.read_fields("appointment", item.properties) for item in (shown, plain))
    return {name: value for name, value in now.items() if value != before[name]}
