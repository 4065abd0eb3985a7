"""The worlds in which the conformance suite is played: one mailbox of Alice's on some server, and a way to spoil it."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from profiles.connectors import open_outbox, open_source
from profiles.connectors.base import MailSource, Outbox, Throttled, Transient
from profiles.connectors.memory import MemoryServer
from profiles.items import INBOX, Access, Tls, Transport
from tests.world import SandboxProcess

ALICE = "alice@us.test"
PASSWORD = "correct horse battery"
HASTY = 0.4  # seconds: the time-out of somebody who expects to wait in vain


class SourceStage(Protocol):
    """Alice's inbox on a server. Positions count from 0, oldest first; fault methods spoil what comes next, once."""

    exact = True
    """Whether the server gives a message back byte for byte (line ends aside)."""

    def source(self, **changes: Any) -> MailSource:
        """Alice's mailbox, with changed fields of its Access."""
        ...

    def elsewhere(self) -> MailSource:
        """Alice's mailbox at a place where nobody listens."""
        ...

    def deliver(self, raw: bytes) -> None: ...

    def remove(self, position: int) -> None: ...

    def snapshot(self) -> object:
        """Everything about the mailbox, read state included."""
        ...

    def logins(self) -> int:
        """How often somebody tried to log in with a wrong password."""
        ...

    def refuse_item(self, position: int, words: str) -> None: ...

    def break_item(self, position: int) -> None:
        """The line will break while this message is read."""
        ...

    def hang(self) -> None: ...

    def throttle(self, delay: timedelta) -> None: ...

    def echo_password(self) -> None:
        """The server will answer the login with the password in its words."""
        ...


class FilingStage(SourceStage, Protocol):
    """The same on a server that knows categories and folders."""

    def tag(self, position: int, *categories: str) -> None:
        """Alice gives a message these categories, and takes all others away."""
        ...

    def held(self, folder: str) -> list[str]:
        """The keys of what lies in a folder of that name."""
        ...


class FolderStage(FilingStage, Protocol):
    """The same on a server on which people make folders. Folders are named by key, "" is the top of the mailbox."""

    def make_folder(self, name: str, parent: str = "", *, for_mail: bool = True) -> str:
        """Returns its key."""
        ...

    def rename_folder(self, folder: str, name: str) -> None: ...

    def move_folder(self, folder: str, parent: str) -> None: ...

    def delete_folder(self, folder: str) -> None: ...

    def put(self, folder: str, raw: bytes) -> str:
        """A message arrives in a folder, as a rule of the server does it; returns its key."""
        ...

    def move_mail(self, key: str, folder: str) -> str:
        """Alice moves a message; returns its new key."""
        ...

    def read(self, key: str) -> None:
        """Alice reads a message."""
        ...

    def restore(self) -> None:
        """The mailbox is restored from a backup."""
        ...


class OutboxStage(Protocol):
    """A server that takes Alice's letters. `temperror@` and `permerror@` anywhere are refused."""

    def outbox(self, **changes: Any) -> Outbox: ...

    def elsewhere(self) -> Outbox: ...

    def arrived(self, address: str) -> list[bytes]:
        """What the address has received, each as it was sent or with trace headers above it."""
        ...

    def logins(self) -> int: ...

    def lose_answer(self) -> None:
        """The next letter will be taken, but the answer that says so will be lost."""
        ...

    def hang(self) -> None: ...

    def throttle(self, delay: timedelta) -> None: ...

    def echo_password(self) -> None: ...


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class MemoryStage:
    """Both stages in this process."""

    exact = True

    def __init__(self) -> None:
        self.server = MemoryServer("mail.us.test")
        self.mailbox = self.server.account(ALICE, PASSWORD)
        self.access = Access(Transport.MEMORY, ALICE, host="mail.us.test", username=ALICE, password=PASSWORD)

    def source(self, **changes: Any) -> MailSource:
        return open_source(replace(self.access, **changes))

    def outbox(self, **changes: Any) -> Outbox:
        return open_outbox(replace(self.access, **changes))

    def elsewhere(self) -> Any:
        return open_source(replace(self.access, host="nowhere.us.test"))

    def deliver(self, raw: bytes) -> None:
        self.server.deliver(ALICE, raw)

    def arrived(self, address: str) -> list[bytes]:
        mailbox = self.server.mailboxes.get(address)
        return [item.raw for item in mailbox.items.values() if item.folder == INBOX] if mailbox else []

    def remove(self, position: int) -> None:
        self.mailbox.remove(list(self.mailbox.items)[position])

    def tag(self, position: int, *categories: str) -> None:
        self.mailbox.tag(list(self.mailbox.items)[position], categories)

    def make_folder(self, name: str, parent: str = "", *, for_mail: bool = True) -> str:
        return self.mailbox.create_folder(name, parent, for_mail=for_mail).key

    def rename_folder(self, folder: str, name: str) -> None:
        self.mailbox.rename_folder(folder, name)

    def move_folder(self, folder: str, parent: str) -> None:
        self.mailbox.move_folder(folder, parent)

    def delete_folder(self, folder: str) -> None:
        self.mailbox.delete_folder(folder)

    def put(self, folder: str, raw: bytes) -> str:
        return self.server.deliver(ALICE, raw, folder).key

    def move_mail(self, key: str, folder: str) -> str:
        return self.mailbox.move(key, folder)

    def read(self, key: str) -> None:
        self.mailbox.read(key)

    def restore(self) -> None:
        self.mailbox.restore()

    def held(self, folder: str) -> list[str]:
        found = self.mailbox.folder_named(folder)
        return [item.key for item in self.mailbox.items.values() if found and item.folder == found.key]

    def snapshot(self) -> object:
        return repr(self.mailbox)

    def logins(self) -> int:
        return self.server.logins

    def refuse_item(self, position: int, words: str) -> None:
        list(self.mailbox.items.values())[position].unreadable = words

    def break_item(self, position: int) -> None:
        self.server.trouble("read", Transient("The connection broke."), skip=position)

    def lose_answer(self) -> None:
        self.server.trouble("answer", Transient("The connection broke."))

    def hang(self) -> None:
        for step in ("list", "envelope"):
            self.server.trouble(step, Transient("No answer in time."))

    def throttle(self, delay: timedelta) -> None:
        for step in ("list", "envelope"):
            self.server.trouble(step, Throttled("Come back later.", delay=delay))

    def echo_password(self) -> None:
        """A server in this process has no words of its own."""


class MemoryOutboxStage(MemoryStage):
    """The same, with nobody listening for letters elsewhere."""

    def elsewhere(self) -> Any:
        return open_outbox(replace(self.access, host="nowhere.us.test"))


class SandboxStage:
    """What the stages over a sandbox have in common."""

    face = ""
    login = ""  # the command that carries the password

    def __init__(self, sandbox: SandboxProcess, **changes: Any) -> None:
        self.sandbox = sandbox
        sandbox.account(ALICE, PASSWORD)
        self.access = replace(self.base_access(), **changes)

    def base_access(self) -> Access:
        return Access(
            Transport(self.face),
            ALICE,
            host="127.0.0.1",
            port=self.sandbox.ports[self.face],
            tls=Tls.NONE,
            username=ALICE,
            password=PASSWORD,
            timeout=10,
            allowed_local_hosts=frozenset({"127.0.0.1"}),
        )

    def commands(self) -> Counter[str]:
        """How often each command was given to the face."""
        return Counter(self.sandbox.log()["counters"].get(self.face, {}))

    def logins(self) -> int:
        return self.commands()[self.login]

    def fault(self, operation: str, effect: str, **how: Any) -> None:
        self.sandbox.fault(**{"face": self.face, "operation": operation, "effect": effect, "times": 1, **how})

    def echo_password(self) -> None:
        text = f"Do not understand {self.login} {PASSWORD}, nor {PASSWORD[:10]}"
        self.fault(self.login, self.face, text=text, **({"code": "535"} if self.face == "smtp" else {}))


class Pop3Stage(SandboxStage):
    """Alice's maildrop."""

    exact = True
    face = "pop3"
    login = "PASS"

    def source(self, **changes: Any) -> MailSource:
        return open_source(replace(self.access, **changes))

    def elsewhere(self) -> MailSource:
        return self.source(port=closed_port())

    def deliver(self, raw: bytes) -> None:
        self.sandbox.deliver(ALICE, raw)

    def remove(self, position: int) -> None:
        self.sandbox.delete(ALICE, self.sandbox.inbox(ALICE)[position]["id"])

    def snapshot(self) -> object:
        return self.sandbox.items(ALICE)

    def refuse_item(self, position: int, words: str) -> None:
        self.fault("RETR", "pop3", skip=position, text=words)

    def break_item(self, position: int) -> None:
        self.fault("RETR", "drop", skip=position, after_bytes=40)

    def hang(self) -> None:
        self.fault("UIDL", "hang")

    def throttle(self, delay: timedelta) -> None:
        self.fault("UIDL", "throttle", delay_seconds=delay.total_seconds())


class SmtpStage(SandboxStage):
    """The server that takes Alice's letters."""

    face = "smtp"
    login = "AUTH"

    def outbox(self, **changes: Any) -> Outbox:
        return open_outbox(replace(self.access, **changes))

    def elsewhere(self) -> Outbox:
        return self.outbox(port=closed_port())

    def arrived(self, address: str) -> list[bytes]:
        return [self.sandbox.raw(address, item["id"]) for item in self.sandbox.inbox(address)]

    def lose_answer(self) -> None:
        self.fault("EOD", "drop", after_effect=True)

    def hang(self) -> None:
        self.fault("MAIL", "hang")

    def throttle(self, delay: timedelta) -> None:
        self.fault("MAIL", "throttle", delay_seconds=delay.total_seconds())
