"""A worker's hold on a leg while it works: renewed on progress, pinned in every transaction that commits (law 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mailboxes.models.leg import Claim, MailboxLeg

RENEW_EVERY = timedelta(seconds=10)


class Lease:
    """Wraps a claim with the clock of the machine; a cycle reads its own `now` once and passes it on."""

    def __init__(self, claim: Claim, clock: Callable[[], datetime]) -> None:
        self.claim = claim
        self._clock = clock
        self._renewed_on = clock()

    def progress(self) -> None:
        """Something moved: renew now and then. Raises LeaseLost. Call it outside transactions."""
        if self._clock() - self._renewed_on >= RENEW_EVERY:
            self.pin()

    def pin(self) -> None:
        """Renew now; inside a transaction this also keeps others from claiming until the commit. Raises LeaseLost."""
        now = self._clock()
        MailboxLeg.objects.hold(self.claim, now)
        self._renewed_on = now

    def elapsed_since(self, start: datetime) -> timedelta:
        """How long the cycle has been running."""
        return self._clock() - start
