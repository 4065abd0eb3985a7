"""`manage.py test_mailbox`: test and enable, now, with every step."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, Trial
from mailboxes.trials import request_trials, why_not
from serversync.cycles.trial import carry_out_next
from serversync.one_pass import UnknownMailbox, chosen
from serversync.progress import Progress

LOOK_AGAIN_AFTER = 0.2  # seconds
SIGNS = {True: "✓", False: "✗", None: "–"}


class Command(BaseCommand):
    help = (
        "Test mailboxes now and enable what passes: outgoing email sends one message to the mailbox itself, incoming "
        "email finds it. Nothing is read again. Exit status: 0 all passed, 1 something failed, 2 there is no such mailbox."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("addresses", nargs="+", metavar="ADDRESS")
        parser.add_argument(
            "--leg", action="append", default=[], choices=[leg.name.lower() for leg in Leg], help="only this direction"
        )
        parser.add_argument("--no-enable", action="store_true", help="only look: neither status nor alerts change")
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object per mailbox and leg")

    def handle(self, *, addresses: list[str], leg: list[str], no_enable: bool, as_json: bool, **_: Any) -> None:
        now = timezone.now()
        legs = [Leg[name.upper()] for name in leg] or list(Leg)
        try:
            mailboxes = {row.mailbox_id: row.mailbox for row in chosen(addresses, legs, now)}
        except UnknownMailbox as error:
            self.stderr.write(self.style.ERROR(f"There is no mailbox with the address {error}."))
            sys.exit(2)
        request_trials(Mailbox.objects.filter(pk__in=mailboxes), legs, None, now, enables=not no_enable)
        trials = Trial.objects.filter(mailbox__in=mailboxes, leg__in=legs, finished_on__isnull=True)
        progress = Progress(self.stdout.write)
        with progress.working("Testing"):
            ended = _carry_out(list(trials.values_list("pk", flat=True)))
        for trial in ended:
            self._tell(trial, progress, as_json)
        if not as_json:
            _tell_the_rest(progress, mailboxes.values(), legs)
        if not ended or not all(trial.succeeded for trial in ended):
            sys.exit(1)

    def _tell(self, trial: Trial, progress: Progress, as_json: bool) -> None:
        address, leg = trial.mailbox.email_address or trial.mailbox.name, Leg(trial.leg)
        if as_json:
            told = {"mailbox": address, "leg": leg.name.lower(), "succeeded": trial.succeeded, "steps": trial.steps}
            self.stdout.write(json.dumps(told, ensure_ascii=False))
            return
        progress.say(f"{address}: {leg.label}: {'passed' if trial.succeeded else 'failed'}", good=trial.succeeded)
        for step in trial.steps:
            progress.say(f"  {SIGNS[step['ok']]} {step['name']}: {step['words']}")
            if step["remedy"]:
                progress.say(f"    What helps: {step['remedy']}")


def _carry_out(trials: list[UUID]) -> list[Trial]:
    """Carry them out until each has ended, here or by a worker that was faster."""
    unfinished = Trial.objects.filter(pk__in=trials, finished_on__isnull=True)
    while unfinished.exists():
        if not carry_out_next(timezone.now, trials):
            time.sleep(LOOK_AGAIN_AFTER)
    ended = Trial.objects.filter(pk__in=trials).select_related("mailbox")
    return list(ended.order_by("mailbox__email_address", "-leg"))


def _tell_the_rest(progress: Progress, mailboxes: Any, legs: list[Leg]) -> None:
    for mailbox in mailboxes:
        for leg in legs:
            if reason := why_not(mailbox, leg):
                progress.say(f"{mailbox.email_address or mailbox.name}: {leg.label}: {reason}")
