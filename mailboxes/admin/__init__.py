"""The console pages of mailboxes, queues, settings and alerts: one file per noun."""

from mailboxes.admin import alerts, mailbox, pauses, queues, resolutions, settings

__all__ = ["alerts", "mailbox", "pauses", "queues", "resolutions", "settings"]
