"""How mail servers are spoken to. Callers ask here and get a protocol from `base`, whatever the transport.

The modules are imported on first use, so that a POP3 installation never loads the Exchange client.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from profiles.act_items import TakesFile
from profiles.connectors.base import MailboxUnavailable, MailSource, Outbox
from profiles.connectors.item_store import ItemStore
from profiles.items import Access, Progress, Transport, no_progress

SOURCES = {
    Transport.POP3: "profiles.connectors.pop3.source:Pop3Source",
    Transport.EWS: "profiles.connectors.ews.mail:EwsSource",
    Transport.MEMORY: "profiles.connectors.memory:MemorySource",
}
OUTBOXES = {
    Transport.SMTP: "profiles.connectors.smtp:SmtpOutbox",
    Transport.EWS: "profiles.connectors.ews.mail:EwsOutbox",
    Transport.MEMORY: "profiles.connectors.memory:MemoryOutbox",
}

ITEM_STORES = {
    Transport.EWS: "profiles.connectors.ews.act.store:EwsItemStore",
    Transport.MEMORY: "profiles.connectors.memory_items:MemoryItemStore",
}


def open_source(access: Access, progress: Progress = no_progress) -> MailSource:
    """The place to read the mail of `access`. Nothing is sent before its first use.

    Raises MailboxUnavailable if mail cannot be read over that transport (1.10).
    """
    return cast(MailSource, _connector(SOURCES, access, "Mail cannot be read")(access, progress))


def open_outbox(access: Access, progress: Progress = no_progress) -> Outbox:
    """The place to send mail with `access`. Nothing is sent before its first use.

    Raises MailboxUnavailable if mail cannot be sent over that transport (1.10).
    """
    return cast(Outbox, _connector(OUTBOXES, access, "Mail cannot be sent")(access, progress))


def open_item_store(access: Access, progress: Progress = no_progress, takes_file: TakesFile | None = None) -> ItemStore:
    """The appointments, contacts and tasks of `access`. Nothing is sent before its first use. Only with `takes_file`, which
    says which files are not left out, are the files of appointments read and written (10.3.8).

    Raises MailboxUnavailable if there are none over that transport (1.10).
    """
    store = _connector(ITEM_STORES, access, "Appointments, contacts and tasks cannot be kept")
    return cast(ItemStore, store(access, progress, takes_file))


def discover_exchange(access: Access, progress: Progress = no_progress) -> str:
    """The EWS address of the mailbox of `access`, by autodiscover (2.7); `access.url`, if any, is asked first.

    Raises ConnectorError.
    """
    return cast(str, import_module("profiles.connectors.ews.autodiscover").discover(access, progress))


def _connector(registry: dict[Transport, str], access: Access, what_cannot: str) -> Any:
    path = registry.get(access.transport)
    if path is None:
        raise MailboxUnavailable(
            f"{what_cannot} over {access.transport.name}.",
            remedy="Choose a server profile of another type for this direction.",
        )
    module, name = path.split(":")
    return getattr(import_module(module), name)
