"""The control endpoint: JSON over HTTP for setting up the world, looking into it and planting faults.

    POST   /accounts                        {address, password, impersonate?, switches?}
    POST   /delegates                       {owner, delegate}
    POST   /senders                         {owner, sender, right}: "send-as", "send-on-behalf" or "" for none any more
    POST   /deliver                         {to: [...], raw_text | raw_base64, from?, folder?, received?}
    GET    /mailboxes                       every address with its count of items per folder
    GET    /mailboxes/ADDRESS               its items
    GET    /mailboxes/ADDRESS/items/ID/raw  the message itself
    POST   /mailboxes/ADDRESS/move          {id, folder}
    POST   /mailboxes/ADDRESS/delete        {id}
    POST   /mailboxes/ADDRESS/update        {id, is_read?, categories?}
    GET    /mailboxes/ADDRESS/folders       its folders: id, parent_id, path, kind, class, items
    POST   /mailboxes/ADDRESS/folders       {name, parent?, class?}
    POST   /mailboxes/ADDRESS/folders/rename  {folder, name}
    POST   /mailboxes/ADDRESS/folders/move    {folder, parent?}
    POST   /mailboxes/ADDRESS/folders/delete  {folder, to_bin?}
    POST   /mailboxes/ADDRESS/restore       the same folders and items under new ids, as after a restore
    POST   /mailboxes/ADDRESS/lose-sync-state
    POST   /faults                          a fault, see `faults.py`; GET lists them, DELETE clears them
    GET    /log                             {requests, counters}; POST /log/clear
    POST   /settings                        {size_limit?, require_auth?, switches?, ews_location?}
    POST   /clock                           {offset_seconds}
    POST   /reset                           back to the accounts of the command line
    GET    /health

`owner.py` adds what is about appointments, contacts and tasks, `keeping.py` /keep and /bring-back. Ids are
percent-encoded in paths. A folder is named by its id, its distinguished name, its path ("Inbox/Customers") or its display
name. Every error is {"error": sentence}.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any
from urllib.parse import unquote

from serversync.sandbox import json_http
from serversync.sandbox.faults import FaultError
from serversync.sandbox.json_http import Answer, HttpError, Request
from serversync.sandbox.keeping import Keeping
from serversync.sandbox.mailbox import FolderError
from serversync.sandbox.owner import Owner
from serversync.sandbox.store import SENDER_RIGHTS, SWITCHES, Folder, Item, MailboxStore, World

Route = tuple[str, re.Pattern[str], Callable[..., Answer]]


async def serve(world: World, host: str, port: int) -> asyncio.Server:
    """Start the control endpoint on a port (0 = any free one)."""
    return await json_http.serve(Control(world).handle, host, port)


class Control:
    """Finds the handler of a request in a table and calls it with the parts of the path and the JSON body."""

    def __init__(self, world: World) -> None:
        self.world = world
        table: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
            ("GET", "/health", self.health),
            ("POST", "/accounts", self.add_account),
            ("POST", "/delegates", self.add_delegate),
            ("POST", "/senders", self.add_sender),
            ("POST", "/deliver", self.deliver),
            ("GET", "/mailboxes", self.mailboxes),
            ("GET", "/mailboxes/([^/]+)", self.items),
            ("GET", "/mailboxes/([^/]+)/items/([^/]+)/raw", self.raw),
            ("POST", "/mailboxes/([^/]+)/move", self.move),
            ("POST", "/mailboxes/([^/]+)/delete", self.delete),
            ("POST", "/mailboxes/([^/]+)/update", self.update),
            ("GET", "/mailboxes/([^/]+)/folders", self.folders),
            ("POST", "/mailboxes/([^/]+)/folders", self.create_folder),
            ("POST", "/mailboxes/([^/]+)/folders/rename", self.rename_folder),
            ("POST", "/mailboxes/([^/]+)/folders/move", self.move_folder),
            ("POST", "/mailboxes/([^/]+)/folders/delete", self.delete_folder),
            ("POST", "/mailboxes/([^/]+)/restore", self.restore),
            ("POST", "/mailboxes/([^/]+)/lose-sync-state", self.lose_sync_state),
            *Owner(world).routes(),
            *Keeping(world).routes(),
            ("POST", "/faults", self.plant_fault),
            ("GET", "/faults", self.faults),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/log", self.log),
            ("POST", "/log/clear", self.clear_log),
            ("POST", "/settings", self.change_settings),
            ("POST", "/clock", self.set_clock),
            ("POST", "/reset", self.reset),
        )
        self.routes: list[Route] = [(method, re.compile(path), handler) for method, path, handler in table]

    def handle(self, request: Request) -> Answer:
        """Answer one request. Raises HttpError."""
        known_path = False
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(request.path)
            known_path = known_path or match is not None
            if match and method == request.method:
                return self._call(handler, [unquote(part) for part in match.groups()], request)
        raise HttpError(405 if known_path else 404, f"There is no {request.method} {request.path} here.")

    def _call(self, handler: Callable[..., Answer], parts: list[str], request: Request) -> Answer:
        try:
            return handler(*parts, request.json()) if request.method == "POST" else handler(*parts)
        except KeyError as error:
            raise HttpError(400, f"The body needs {error.args[0]!r}.") from error
        except (FolderError, FaultError) as error:
            raise HttpError(400, str(error)) from error

    # The world

    def health(self) -> Answer:
        """Says that the sandbox is alive."""
        return {"ok": True, "accounts": len(self.world.accounts), "time": self.world.now().isoformat()}

    def add_account(self, body: dict[str, Any]) -> Answer:
        """Create an account, or change its password and rights."""
        switches = _switches(body)
        account = self.world.add_account(
            _address(body["address"]), str(body["password"]), impersonate=bool(body.get("impersonate", False))
        )
        account.switches = switches
        return {"address": account.address}

    def add_delegate(self, body: dict[str, Any]) -> Answer:
        """Let one account open the mailbox of another."""
        owner, delegate = _address(body["owner"]).lower(), _address(body["delegate"]).lower()
        self.world.delegates.setdefault(owner, set()).add(delegate)
        return {"owner": owner, "delegates": sorted(self.world.delegates[owner])}

    def add_sender(self, body: dict[str, Any]) -> Answer:
        """Let one account send in the name of another, or no longer."""
        owner, sender, right = _address(body["owner"]).lower(), _address(body["sender"]).lower(), str(body["right"])
        if right not in ("", *SENDER_RIGHTS):
            raise HttpError(400, f"The rights are {' and '.join(SENDER_RIGHTS)}.")
        self.world.senders.setdefault(owner, {})[sender] = right
        return {"owner": owner, "senders": self.world.senders[owner]}

    def change_settings(self, body: dict[str, Any]) -> Answer:
        """Change what holds for all servers."""
        if "switches" in body:
            self.world.switches = _switches(body)
        settings = self.world.settings
        settings.size_limit = _number(body.get("size_limit", settings.size_limit))
        settings.require_auth = bool(body.get("require_auth", settings.require_auth))
        settings.ews_location = str(body.get("ews_location", settings.ews_location))
        return {
            "size_limit": settings.size_limit,
            "require_auth": settings.require_auth,
            "ews_location": settings.ews_location,
            "switches": sorted(self.world.switches),
        }

    def set_clock(self, body: dict[str, Any]) -> Answer:
        """Shift the clock of the world by so many seconds against the real one."""
        self.world.clock_offset = timedelta(seconds=_number(body["offset_seconds"]))
        return {"time": self.world.now().isoformat()}

    def reset(self, _: dict[str, Any]) -> Answer:
        """Back to the accounts of the command line."""
        self.world.reset()
        return {"accounts": sorted(self.world.accounts)}

    # Mailboxes

    def deliver(self, body: dict[str, Any]) -> Answer:
        """Put a message into mailboxes. With `from` it gets a Received header as if it had travelled, else no byte of
        it is changed; the lines of `raw_text` get CRLF ends."""
        raw, received, sender = _message(body), _time(body.get("received")), body.get("from")
        recipients = body["to"] if isinstance(body["to"], list) else [body["to"]]
        delivered = []
        for address in map(_address, recipients):
            mailbox = self.world.mailbox(address)
            folder = _folder(mailbox, str(body.get("folder", "inbox")))
            trace = self.world.received_header(str(sender), address) if sender else b""
            item = mailbox.deliver(trace + raw, folder.id, received)
            delivered.append({"mailbox": mailbox.address, "id": item.id, "uidl": item.uidl})
        return {"delivered": delivered}

    def mailboxes(self) -> Answer:
        """Every address, whether one can sign in to it, and how many items each of its folders holds."""
        return [
            {
                "address": mailbox.address,
                "account": mailbox.password is not None,
                "folders": {_folder_name(folder): len(folder.items) for folder in mailbox.folders.values()},
            }
            for mailbox in self.world.mailboxes()
        ]

    def items(self, address: str) -> Answer:
        """What one mailbox holds, in order of arrival."""
        mailbox = self._mailbox(address)
        return [_described(mailbox, item) for item in sorted(mailbox.items(), key=lambda item: item.seq)]

    def raw(self, address: str, item_id: str) -> Answer:
        """One message as it is stored."""
        return self._item(self._mailbox(address), item_id).raw

    def move(self, address: str, body: dict[str, Any]) -> Answer:
        """Move an item as its owner would; it gets a new id."""
        mailbox = self._mailbox(address)
        folder = _folder(mailbox, str(body["folder"]))
        return {"id": mailbox.move(self._item(mailbox, body["id"]), folder.id).id}

    def delete(self, address: str, body: dict[str, Any]) -> Answer:
        """Delete an item for good as its owner would."""
        mailbox = self._mailbox(address)
        mailbox.delete(self._item(mailbox, body["id"]))
        return {}

    def update(self, address: str, body: dict[str, Any]) -> Answer:
        """Mark an item as read or unread, or set its categories, as its owner would."""
        mailbox = self._mailbox(address)
        item = self._item(mailbox, body["id"])
        is_read = bool(body["is_read"]) if "is_read" in body else None
        categories = [str(category) for category in body["categories"]] if "categories" in body else None
        mailbox.update(item, is_read=is_read, categories=categories)
        return _described(mailbox, item)

    def create_folder(self, address: str, body: dict[str, Any]) -> Answer:
        """Create a folder, below the top of the mailbox if no parent is named."""
        mailbox = self._mailbox(address)
        parent = _folder(mailbox, str(body.get("parent") or "msgfolderroot"))
        folder_class = str(body.get("class") or "IPF.Note")
        return {"id": mailbox.create_folder(str(body["name"]), parent.id, folder_class).id}

    def folders(self, address: str) -> Answer:
        """The folders of a mailbox, in order of creation."""
        mailbox = self._mailbox(address)
        return [
            {
                "id": folder.id,
                "parent_id": folder.parent_id,
                "path": mailbox.path(folder),
                "kind": folder.distinguished,
                "class": folder.folder_class,
                "items": len(folder.items),
            }
            for folder in mailbox.folders.values()
        ]

    def rename_folder(self, address: str, body: dict[str, Any]) -> Answer:
        """Give a folder another name as its owner would; its id stays."""
        mailbox = self._mailbox(address)
        mailbox.rename_folder(_folder(mailbox, str(body["folder"])), str(body["name"]))
        return {}

    def move_folder(self, address: str, body: dict[str, Any]) -> Answer:
        """Put a folder below another one as its owner would, below the top if no parent is named; its id stays."""
        mailbox = self._mailbox(address)
        parent = _folder(mailbox, str(body.get("parent") or "msgfolderroot"))
        mailbox.move_folder(_folder(mailbox, str(body["folder"])), parent.id)
        return {}

    def delete_folder(self, address: str, body: dict[str, Any]) -> Answer:
        """Delete a folder with all that is in it: for good, or (`to_bin`) into Deleted Items."""
        mailbox = self._mailbox(address)
        folder = _folder(mailbox, str(body["folder"]))
        if body.get("to_bin"):
            mailbox.bin_folder(folder)
        else:
            mailbox.delete_folder(folder)
        return {}

    def restore(self, address: str, _: dict[str, Any]) -> Answer:
        """Give all folders and items of a mailbox new ids, as restoring a backup does."""
        self._mailbox(address).restore()
        return {}

    def lose_sync_state(self, address: str, _: dict[str, Any]) -> Answer:
        """Make all synchronization states of a mailbox invalid."""
        self._mailbox(address).lose_sync_state()
        return {}

    def _mailbox(self, address: str) -> MailboxStore:
        mailbox = self.world.mailbox(address, create=False)
        if mailbox is None:
            raise HttpError(404, f"There is no mailbox {address}.")
        return mailbox

    def _item(self, mailbox: MailboxStore, item_id: Any) -> Item:
        item = mailbox.find(str(item_id))
        if item is None:
            raise HttpError(404, f"{mailbox.address} has no item with this id.")
        return item

    # Faults and the log

    def plant_fault(self, body: dict[str, Any]) -> Answer:
        """Plant a fault."""
        return self.world.faults.plant(body).as_json()

    def faults(self) -> Answer:
        """The faults that are still waiting."""
        return [fault.as_json() for fault in self.world.faults.planted.values()]

    def clear_faults(self) -> Answer:
        """Forget all planted faults."""
        self.world.faults.clear()
        return {}

    def log(self) -> Answer:
        """The latest requests to the faces, and how many there were of each kind."""
        requests = [
            {"face": r.face, "operation": r.operation, "mailbox": r.mailbox, "time": r.time.isoformat()}
            for r in self.world.log.requests
        ]
        return {"requests": requests, "counters": self.world.log.counters}

    def clear_log(self, _: dict[str, Any]) -> Answer:
        """Forget all requests."""
        self.world.log.clear()
        return {}


def _folder(mailbox: MailboxStore, reference: str) -> Folder:
    found = mailbox.find_folder(reference) or mailbox.folder_at(reference) or mailbox.folder_named(reference)
    return found or mailbox.folder(reference)


def _folder_name(folder: Folder) -> str:
    return folder.distinguished or folder.name


def _described(mailbox: MailboxStore, item: Item) -> dict[str, Any]:
    headers = BytesHeaderParser().parsebytes(item.raw)
    return {
        "id": item.id,
        "folder": _folder_name(mailbox.folder(item.folder_id)),
        "message_id": _header(headers, "Message-ID"),
        "subject": _header(headers, "Subject"),
        "from": _header(headers, "From"),
        "to": _header(headers, "To"),
        "size": item.size,
        "uidl": item.uidl,
        "is_draft": item.is_draft,
        "is_read": item.is_read,
        "item_class": item.item_class,
        "categories": item.categories,
        "received": item.received.isoformat(),
    }


def _header(headers: Message, name: str) -> str:
    """A header for people to read: encoded words decoded where they can be, else as it stands."""
    value = str(headers.get(name, ""))
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise HttpError(400, f"{value!r} is not an address.")
    return value


def _switches(body: dict[str, Any]) -> set[str]:
    switches = set(body.get("switches", ()))
    if not switches <= SWITCHES:
        raise HttpError(400, f"The switches are {', '.join(sorted(SWITCHES))}.")
    return switches


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise HttpError(400, f"{value!r} is not a number.") from error


def _message(body: dict[str, Any]) -> bytes:
    if "raw_text" in body:
        return "\r\n".join(str(body["raw_text"]).splitlines()).encode() + b"\r\n"
    try:
        return base64.b64decode(body["raw_base64"], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise HttpError(400, "raw_base64 is not base64.") from error


def _time(value: Any) -> datetime | None:
    """A moment from ISO 8601 text; without an offset it is UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise HttpError(400, f"{value!r} is not a time in ISO 8601.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
