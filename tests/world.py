"""The sandbox as tests use it: a process of its own, spoken to over sockets only."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
FACES = ("smtp", "pop3", "ews", "control")


class Refused(Exception):
    """The control endpoint answered with an error; `str()` is its sentence, `status` the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class SandboxProcess:
    """Starts the sandbox on free ports and steers it. `ports` maps each face to its port; further command line options
    go into `options`. Use it as a context manager, or call `close()`; it ends with this process in any case."""

    host = "127.0.0.1"

    def __init__(self, *options: str) -> None:
        ports = [word for face in FACES for word in (f"--{face}", "0")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serversync.sandbox", *ports, "--exit-with-stdin", *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The sandbox ended at once with status {self.process.wait()}.")
        ready: dict[str, Any] = json.loads(line)
        self.ports: dict[str, int] = {name: port for name, port in ready.items() if name not in ("ready", "host")}

    def __enter__(self) -> SandboxProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def smtp_port(self) -> int:
        """The port of the SMTP face."""
        return self.ports["smtp"]

    @property
    def pop3_port(self) -> int:
        """The port of the POP3 face."""
        return self.ports["pop3"]

    @property
    def ews_url(self) -> str:
        """The endpoint of the EWS face."""
        return f"http://{self.host}:{self.ports['ews']}/EWS/Exchange.asmx"

    def close(self) -> None:
        """End the process and wait for it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    # Setting up

    def account(
        self, address: str, password: str = "secret", impersonate: bool = False, switches: tuple[str, ...] = ()
    ) -> None:
        """Create a mailbox one can sign in to."""
        body = {"address": address, "password": password, "impersonate": impersonate, "switches": list(switches)}
        self.post("/accounts", body)

    def delegate(self, owner: str, delegate: str) -> None:
        """Let one account open the mailbox of another."""
        self.post("/delegates", {"owner": owner, "delegate": delegate})

    def sender(self, owner: str, sender: str, right: str = "send-as") -> None:
        """Let one account send in the name of another: "send-as", "send-on-behalf" or "" for no longer."""
        self.post("/senders", {"owner": owner, "sender": sender, "right": right})

    def deliver(
        self,
        to: str | list[str],
        raw: bytes,
        sender: str | None = None,
        folder: str | None = None,
        received: str | None = None,
    ) -> list[str]:
        """Put a message into mailboxes, unchanged unless a `sender` is given; returns the ids of the new items."""
        body = {"to": to, "from": sender, "received": received, "raw_base64": base64.b64encode(raw).decode()}
        answer = self.post("/deliver", body | ({"folder": folder} if folder else {}))
        return [item["id"] for item in answer["delivered"]]

    def folder(self, address: str, name: str, parent: str | None = None, folder_class: str = "") -> str:
        """Create a folder and return its id."""
        body = {"name": name, "parent": parent, "class": folder_class}
        return str(self.post(f"/mailboxes/{quote(address)}/folders", body)["id"])

    def settings(self, **changes: Any) -> None:
        """Change size_limit, require_auth or switches for all servers."""
        self.post("/settings", changes)

    def reset(self) -> None:
        """Back to the accounts of the command line."""
        self.post("/reset", {})

    def keep(self) -> None:
        """Remember what all mailboxes hold now."""
        self.post("/keep", {})

    def bring_back(self) -> None:
        """Put back what was kept, with all ids and versions; faults and the log are forgotten."""
        self.post("/bring-back", {})

    # Acting as the owner of a mailbox

    def move(self, address: str, item_id: str, folder: str) -> str:
        """Move an item; returns its new id."""
        return str(self.post(f"/mailboxes/{quote(address)}/move", {"id": item_id, "folder": folder})["id"])

    def delete(self, address: str, item_id: str) -> None:
        """Delete an item for good."""
        self.post(f"/mailboxes/{quote(address)}/delete", {"id": item_id})

    def update(self, address: str, item_id: str, **changes: Any) -> None:
        """Set is_read or categories of an item."""
        self.post(f"/mailboxes/{quote(address)}/update", {"id": item_id, **changes})

    def rename_folder(self, address: str, folder: str, name: str) -> None:
        """Give a folder (id, distinguished name, path or name) another name; its id stays."""
        self.post(f"/mailboxes/{quote(address)}/folders/rename", {"folder": folder, "name": name})

    def move_folder(self, address: str, folder: str, parent: str | None = None) -> None:
        """Put a folder below another one, or below the top of the mailbox; its id stays."""
        self.post(f"/mailboxes/{quote(address)}/folders/move", {"folder": folder, "parent": parent})

    def delete_folder(self, address: str, folder: str, to_bin: bool = False) -> None:
        """Delete a folder for good, or put it into Deleted Items."""
        self.post(f"/mailboxes/{quote(address)}/folders/delete", {"folder": folder, "to_bin": to_bin})

    def restore(self, address: str) -> None:
        """Give all folders and items new ids, as restoring a backup does."""
        self.post(f"/mailboxes/{quote(address)}/restore", {})

    def lose_sync_state(self, address: str) -> None:
        """Make all synchronization states of a mailbox invalid."""
        self.post(f"/mailboxes/{quote(address)}/lose-sync-state", {})

    # Appointments, contacts and tasks: `kind` is one of these words, fields as in serversync/sandbox/ews/canonical.py

    def act_items(self, address: str, kind: str) -> list[dict[str, Any]]:
        """The items of a kind in order of arrival, but for those in Deleted Items (serversync/sandbox/owner.py)."""
        return list(self.get(f"/mailboxes/{quote(address)}/{kind}"))

    def put_act_item(self, address: str, kind: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Create an item as its owner would (categories, extended, uid, folder, notify); returns what it is now."""
        return dict(self.post(f"/mailboxes/{quote(address)}/{kind}", {"fields": fields, **more}))

    def patch_act_item(self, address: str, kind: str, item_id: str, **changes: Any) -> dict[str, Any]:
        """Change an item, or one occurrence (fields, categories, extended, original_start, notify)."""
        return dict(self.post(f"/mailboxes/{quote(address)}/{kind}/patch", {"id": item_id, **changes}))

    def delete_act_item(self, address: str, kind: str, item_id: str, **how: Any) -> None:
        """Delete an item, or one occurrence (original_start, notify, for_good)."""
        self.post(f"/mailboxes/{quote(address)}/{kind}/delete", {"id": item_id, **how})

    def copy_act_item(self, address: str, kind: str, item_id: str, **where: Any) -> dict[str, Any]:
        """Copy an item, in its own folder if no other is named; returns the copy."""
        return dict(self.post(f"/mailboxes/{quote(address)}/{kind}/copy", {"id": item_id, **where}))

    def respond(self, address: str, uid: str, response: str, **more: Any) -> None:
        """Answer an invitation with accept, decline or tentative (original_start; organizer for strangers)."""
        self.post(f"/mailboxes/{quote(address)}/respond", {"uid": uid, "response": response, **more})

    def meeting_mails(self) -> list[dict[str, Any]]:
        """Every mail about a meeting that left: time, from, to, kind, uid, subject, original_start, response."""
        return list(self.get("/meeting-mails"))

    def clear_meeting_mails(self) -> None:
        """Forget the meeting mails so far."""
        self.post("/meeting-mails/clear", {})

    # Looking

    def mailboxes(self) -> list[dict[str, Any]]:
        """All addresses with the counts of their folders."""
        return list(self.get("/mailboxes"))

    def items(self, address: str) -> list[dict[str, Any]]:
        """Everything in a mailbox in order of arrival; [] if nothing ever came to the address."""
        try:
            return list(self.get(f"/mailboxes/{quote(address)}"))
        except Refused as refusal:
            if refusal.status == 404:
                return []
            raise

    def folders(self, address: str) -> list[dict[str, Any]]:
        """The folders of a mailbox: id, parent_id, path, kind, class, items."""
        return list(self.get(f"/mailboxes/{quote(address)}/folders"))

    def inbox(self, address: str, folder: str = "inbox") -> list[dict[str, Any]]:
        """What one folder of a mailbox holds, in order of arrival."""
        return [item for item in self.items(address) if item["folder"] == folder]

    def raw(self, address: str, item_id: str) -> bytes:
        """A message as it is stored."""
        return self._ask("GET", f"/mailboxes/{quote(address)}/items/{quote(item_id, safe='')}/raw")

    def log(self) -> dict[str, Any]:
        """The requests so far, and how many of each kind: {"requests": [...], "counters": {face: {operation: n}}}."""
        return dict(self.get("/log"))

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self.post("/log/clear", {})

    # Faults

    def fault(self, **description: Any) -> str:
        """Plant a fault (see serversync/sandbox/faults.py) and return its id."""
        return str(self.post("/faults", description)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are still waiting."""
        return list(self.get("/faults"))

    def clear_faults(self) -> None:
        """Forget all planted faults."""
        self._ask("DELETE", "/faults")

    # HTTP

    def get(self, path: str) -> Any:
        """Ask the control endpoint. Raises Refused."""
        return json.loads(self._ask("GET", path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Tell the control endpoint something. Raises Refused."""
        return json.loads(self._ask("POST", path, json.dumps(body).encode()))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        url = f"http://{self.host}:{self.ports['control']}{path}"
        request = urllib.request.Request(url, data=body, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, json.loads(error.read())["error"]) from None
