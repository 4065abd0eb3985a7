"""`manage.py resume`: go on after `manage.py pause` or a pause from the console."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailboxes import brake
from serversync.management.commands.pause import add_scope, named_scope, operator


class Command(BaseCommand):
    help = (
        "End the pause of the organization, or of what the options name. No test is needed. "
        "Exit status 1: nothing was paused there; what is paused is listed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_scope(parser)

    def handle(self, *, mailbox: str | None, profile: str | None, leg: str | None, **_: Any) -> None:
        scope = named_scope(mailbox, profile, leg)
        row = brake.pauses_of(scope).filter(leg=scope.leg).first()
        if row is None:
            others = [f"{brake.scope_of(one).words}: {brake.sentence(one)}" for one in brake.pauses_in_force()]
            raise CommandError("\n".join([f"Nothing is paused as {scope.words}.", *others]))
        asked = brake.resume(row, operator(), timezone.now())
        self.stdout.write(f"Resumed: {scope.words}. {asked} legs were asked to run now.")
