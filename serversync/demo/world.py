"""The mail servers of the demo: the sandbox as a process of its own, spoken to over its control endpoint only."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from serversync.demo.letters import Letter, forwarded
from serversync.demo.processes import stop

PASSWORD = "demo-password"
SERVICE = "service@fernhill.example"
ACCOUNTS = ("alice", "bob", "carol", "support", "forward")
FORWARDED = {"sales@fernhill.example": "forward@fernhill.example"}
"""Whose rule forwards every mail as an attachment, and where to (8.1)."""
FOLDERS = {"alice@fernhill.example": (("Customers", "inbox"), ("Harbour Optics", "Inbox/Customers"))}
"""The folders that our people have made, each with the one that it lies in; `demo.toml` has a rule for the last (9)."""
FACES = ("smtp", "pop3", "ews", "control")


class World:
    """Started by creation; `close()` ends it. It also ends by itself when this process does."""

    def __init__(self, root: Path) -> None:
        words = [word for face in FACES for word in (f"--{face}", "0")]
        for name in ACCOUNTS:
            words += ["--account", f"{name}@fernhill.example:{PASSWORD}"]
        words += ["--service-account", f"{SERVICE}:{PASSWORD}", "--exit-with-stdin"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serversync.sandbox", *words],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The demo's mail servers ended at once with status {self.process.wait()}.")
        self.ports: dict[str, Any] = json.loads(line)
        for address, folders in FOLDERS.items():
            for name, parent in folders:
                self._ask(f"/mailboxes/{quote(address)}/folders", {"name": name, "parent": parent})

    def environment(self) -> dict[str, str]:
        """What `demo.toml` refers to."""
        return {
            "DEMO_EWS_URL": f"http://127.0.0.1:{self.ports['ews']}/EWS/Exchange.asmx",
            "DEMO_POP3_PORT": str(self.ports["pop3"]),
            "DEMO_SMTP_PORT": str(self.ports["smtp"]),
            "DEMO_PASSWORD": PASSWORD,
        }

    def close(self) -> None:
        """End the process and wait for it."""
        stop(self.process, patience=5)

    def deliver(self, letter: Letter) -> None:
        """Put a letter into the mailboxes of our people; others of its recipients have theirs elsewhere."""
        ours = [address for address in letter.to if address.endswith("@fernhill.example")]
        own = [address for address in ours if address not in FORWARDED]
        self._deliver(own, letter.raw, letter.received, letter.folder)
        for address in ours:
            if address in FORWARDED:
                self._deliver([FORWARDED[address]], forwarded(letter, address, FORWARDED[address]), letter.received)

    def _deliver(self, to: list[str], raw: bytes, received: datetime, folder: str = "inbox") -> None:
        if to:
            body = {"to": to, "raw_base64": base64.b64encode(raw).decode(), "received": received.isoformat()}
            self._ask("/deliver", body | {"folder": folder})

    def file(self, address: str, message_id: str, folder: str) -> None:
        """Move a message into a folder, as its owner would in a mail program."""
        for item in self._ask(f"/mailboxes/{quote(address)}"):
            if item["message_id"] == message_id:
                self._ask(f"/mailboxes/{quote(address)}/move", {"id": item["id"], "folder": folder})

    def put(self, address: str, kind: str, fields: dict[str, Any], categories: list[str]) -> None:
        """Make an appointment, a contact or a task, as its owner would in a mail program."""
        self._ask(f"/mailboxes/{quote(address)}/{kind}", {"fields": fields, "categories": categories})

    def patch(self, address: str, kind: str, item_id: str, fields: dict[str, Any]) -> None:
        """Change one of them."""
        self._ask(f"/mailboxes/{quote(address)}/{kind}/patch", {"id": item_id, "fields": fields})

    def remove(self, address: str, kind: str, item_id: str) -> None:
        """Delete one of them."""
        self._ask(f"/mailboxes/{quote(address)}/{kind}/delete", {"id": item_id})

    def copies(self, address: str, message_id: str) -> int:
        """How often a message lies in the inbox of an address."""
        try:
            items = self._ask(f"/mailboxes/{quote(address)}")
        except urllib.error.HTTPError as error:
            if error.code == 404:  # nothing ever came to this address
                return 0
            raise
        return sum(item["message_id"] == message_id and item["folder"] == "inbox" for item in items)

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"http://127.0.0.1:{self.ports['control']}{path}"
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, data=data), timeout=30) as answer:
            return json.loads(answer.read())
