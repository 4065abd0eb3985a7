"""The outboxes a drain has open: mailboxes that log in alike send over one connection (design.md, "Outgoing")."""

from __future__ import annotations

from dataclasses import replace

from mailboxes.lease import Lease
from profiles.connectors import open_outbox
from profiles.connectors.base import Outbox
from profiles.items import Access, Transport


class Outboxes:
    """Lends outboxes to one cycle after the other. SMTP connections stay open in between; close all at the end."""

    def __init__(self) -> None:
        self._kept: dict[Access, Outbox] = {}
        self._lease: Lease | None = None

    def borrow(self, access: Access, lease: Lease) -> Outbox:
        """An outbox for this cycle; bytes that move renew `lease`."""
        self._lease = lease
        return self._kept.pop(_login(access), None) or open_outbox(access, self._progress)

    def give_back(self, access: Access, outbox: Outbox, keep: bool) -> None:
        """The cycle is over; after trouble the connection is not trusted again."""
        self._lease = None
        if keep and access.transport is Transport.SMTP:
            self._kept[_login(access)] = outbox
        else:
            outbox.close()

    def close(self) -> None:
        """Leave every server politely."""
        for outbox in self._kept.values():
            outbox.close()
        self._kept.clear()

    def _progress(self) -> None:
        if self._lease is not None:
            self._lease.progress()


def _login(access: Access) -> Access:
    """What has to be equal for a connection to be shared: everything but the mailbox."""
    return replace(access, address="")
