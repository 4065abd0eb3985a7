"""What one cycle of one leg did, for statistics, commands and tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Report:
    """Counts of one cycle. `more` means it stopped at its time budget with work left."""

    seen: int = 0
    tracked: int = 0
    ignored: int = 0
    quarantined: int = 0
    sent: int = 0
    failed: int = 0
    more: bool = False

    @property
    def found_something(self) -> bool:
        """Whether the mailbox was busy; it paces the next run (4.3)."""
        return bool(self.seen or self.tracked or self.ignored or self.sent or self.failed or self.more)
