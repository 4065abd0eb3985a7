"""`manage.py test_profile`: try how a profile reaches its server."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailboxes.profile_check import UnknownMailbox, check, mailbox_called, remember
from profiles.models import EmailServerProfile
from profiles.probing import TestResult, Tried, as_trace, verdict


class Command(BaseCommand):
    help = (
        "Try both directions of an email server profile step by step. No mail is sent, and a password is tried once. "
        "Exit status: 0 it works (perhaps with a warning), 1 it does not, 2 there is no such profile or mailbox."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="of the profile")
        parser.add_argument("--mailbox", default="", metavar="ADDRESS", help="sign in with the credentials of this one")
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object")

    def handle(self, *, name: str, mailbox: str, as_json: bool, **_: Any) -> None:
        started = timezone.now()
        profile = EmailServerProfile.objects.filter(name=name).first()
        if profile is None:
            raise CommandError(f"There is no email server profile “{name}”.", returncode=2)
        try:
            tried = check(profile, mailbox_called(mailbox))
        except UnknownMailbox as error:
            raise CommandError(str(error), returncode=2) from error
        remember(profile, tried, started)
        result = verdict(tried)
        if as_json:
            values = {"profile": name, "result": result.name.lower(), "directions": as_trace(tried)}
            self.stdout.write(json.dumps(values, ensure_ascii=False))
        else:
            self._tell(tried, result)
        if result == TestResult.FAILURE:
            sys.exit(1)

    def _tell(self, tried: list[Tried], result: TestResult) -> None:
        for one in tried:
            self.stdout.write(self.style.MIGRATE_HEADING(one.direction))
            for step in one.steps:
                mark = "failed " if not step.ok else "warning" if step.warning else "ok     "
                self.stdout.write(f"  {mark}  {step.name}: {step.words}")
                if step.remedy:
                    self.stdout.write(f"           What helps: {step.remedy}")
        self.stdout.write(f"{result.label}.")
