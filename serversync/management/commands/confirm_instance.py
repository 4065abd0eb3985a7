"""`manage.py confirm_instance`: say what a database is that another installation used last."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailboxes import brake
from serversync import instance
from serversync.instance import ThisIs
from serversync.management.commands.pause import operator


class Command(BaseCommand):
    help = (
        "After a restore, a move or a copy nothing is synchronized until it is said which it was. "
        "restored: this is the real one from now on. copy: the real one runs elsewhere; everything stays paused here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--this-is", required=True, choices=[str(one) for one in ThisIs])
        parser.add_argument(
            "--anyway", action="store_true", help="even if nothing is held: a backup was restored on its own host"
        )

    def handle(self, *, this_is: str, anyway: bool, **_: Any) -> None:
        now = timezone.now()
        if instance.recognise(now) and anyway:
            brake.hold(now)
        try:
            unknown = instance.confirm(ThisIs(this_is), operator(), now)
        except instance.NothingHeld:
            raise CommandError("Nothing is held: this database is known to be this installation's own.") from None
        then = "Work goes on." if this_is == ThisIs.RESTORED else "Everything is paused: `manage.py resume` ends that."
        self.stdout.write(f"{unknown} emails wait for a person to say whether they were sent. {then}")
