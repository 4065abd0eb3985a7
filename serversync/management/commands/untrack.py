"""`manage.py untrack MESSAGE-ID`: take a message out of tracking in one mailbox (law 12)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from serversync.management.commands.pause import operator
from serversync.management.commands.track import add_message, named_rows
from tracking.keep.untrack import untrack


class Command(BaseCommand):
    help = "Take a message out of tracking in one mailbox; it is not tracked again by itself. The server keeps it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_message(parser)

    def handle(self, *, message_id: str, mailbox: str, **_: Any) -> None:
        done = untrack(named_rows(message_id, mailbox), operator(), timezone.now())
        if not done.messages:
            raise CommandError(
                "Nothing was changed: it is not tracked there, waits to be judged, or was written here. "
                f"See: manage.py why '{message_id}'"
            )
        stays = "" if done.deleted else " Others received it too: for them the email stays."
        self.stdout.write(f"Untracked.{stays}")
