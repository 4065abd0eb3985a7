"""A world that is put back as often as one likes, with the ids, versions and synchronization states that it had: so a
client that knows them from before can rehearse the same hour again and again.

    POST   /keep         what all mailboxes hold now is kept (one state; the next one takes its place)
    POST   /bring-back   the mailboxes hold that again; planted faults, the request log and subscriptions are forgotten
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from serversync.sandbox.json_http import Answer, HttpError
from serversync.sandbox.store import World

_HELD = ("accounts", "outside", "delegates", "senders", "meeting_mails")


class Keeping:
    """The part of the control endpoint that keeps a world and brings it back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept: dict[str, Any] | None = None

    def routes(self) -> tuple[tuple[str, str, Callable[..., Answer]], ...]:
        """The rows of the control endpoint's table."""
        return (("POST", "/keep", self.keep), ("POST", "/bring-back", self.bring_back))

    def keep(self, _: dict[str, Any]) -> Answer:
        """Keep a copy of what there is now."""
        self._kept = self._copy({name: getattr(self.world, name) for name in _HELD})
        return {"accounts": sorted(self.world.accounts)}

    def bring_back(self, _: dict[str, Any]) -> Answer:
        """Put back what was kept."""
        if self._kept is None:
            raise HttpError(409, "Nothing was kept. POST /keep comes first.")
        offset, settings, switches = self.world.clock_offset, self.world.settings, set(self.world.switches)
        self.world.reset()
        self.world.clock_offset, self.world.settings, self.world.switches = offset, settings, switches
        for name, value in self._copy(self._kept).items():
            setattr(self.world, name, value)
        return {"accounts": sorted(self.world.accounts)}

    def _copy(self, held: dict[str, Any]) -> dict[str, Any]:
        """Mailboxes know the clock of their world, which is no part of them; nobody listens to a copy."""
        memo: dict[int, Any] = {id(self.world): self.world}
        for mailbox in self.world.mailboxes():
            memo[id(mailbox.listeners)] = []
        return copy.deepcopy(held, memo)
