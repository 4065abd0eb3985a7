"""`manage.py dry_run`: what a change of the rules would do to the newest messages of a mailbox. Nothing is written."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from mailboxes.models import IncomingFilter, Mailbox, Organization
from mailboxes.policy import Policy, problems
from serversync.dry_run import MOST, USUAL, Difference, NotPossible, Proposal, Result, dry_run, exclusions_from
from serversync.progress import Cell, Progress


class Command(BaseCommand):
    help = (
        "Judge the newest messages of a mailbox by the rules of now and by changed ones, and print what would differ. "
        "Nothing is written, neither here nor on the server."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mailbox", required=True, metavar="ADDRESS")
        filters = ", ".join(f"{one.value} ({one.name.lower()})" for one in IncomingFilter)
        parser.add_argument("--filter", dest="takes", metavar="NAME|NUMBER", help=f"another filter: {filters}")
        parser.add_argument(
            "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE", help="an organization setting"
        )
        parser.add_argument("--start", metavar="DATE", help='another start date of the mailbox; "none" removes it')
        parser.add_argument("--exclude", action="append", default=[], metavar="ADDRESS|DOMAIN|CONVERSATION")
        parser.add_argument("--allow", action="append", default=[], metavar="ADDRESS|DOMAIN|CONVERSATION")
        parser.add_argument("--last", type=int, default=USUAL, metavar="N", help=f"how many messages (at most {MOST})")
        parser.add_argument("--seconds", type=int, default=120, help="give up after so long; default 120")
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object")

    def handle(self, *, as_json: bool, last: int, seconds: int, **options: Any) -> None:
        if not 1 <= last <= MOST:
            raise CommandError(f"--last must be from 1 to {MOST:,}, not {last:,}.")
        if seconds < 1:
            raise CommandError("--seconds must be at least 1.")
        mailbox = _mailbox(options["mailbox"])
        proposal = Proposal(
            takes=_filter(options["takes"]),
            overrides=_overrides(options["settings"]),
            start=_start(options["start"]),
            forget_start=(options["start"] or "").lower() == "none",
            exclude=exclusions_from(options["exclude"]),
            allow=exclusions_from(options["allow"]),
        )
        progress = Progress(self.stdout.write, fancy=False if as_json else None)
        try:
            with progress.working("Looking at the newest messages"):
                result = dry_run(mailbox, proposal, timezone.now, last, timedelta(seconds=seconds))
        except NotPossible as error:
            raise CommandError(str(error)) from error
        if as_json:
            self.stdout.write(json.dumps(_told(result), default=str, ensure_ascii=False))
        else:
            _print(progress, result)


def _mailbox(address: str) -> Mailbox:
    about = ("email_server_profile", "regarding_user__sync_settings", "regarding_queue")
    found = Mailbox.objects.select_related(*about).filter(email_address__iexact=address).first()
    if found is None:
        raise CommandError(f"No mailbox has the address {address}.")
    return found


def _filter(given: str | None) -> int | None:
    if given is None:
        return None
    names = {one.name.lower(): one.value for one in IncomingFilter} | {
        str(one.value): one.value for one in IncomingFilter
    }
    wanted = given.strip().lower().replace("-", "_")
    if wanted not in names:
        raise CommandError(f"--filter: “{given}” is no filter. There are: {', '.join(names)}.")
    return names[wanted]


def _overrides(pairs: Sequence[str]) -> dict[str, Any] | None:
    """The overrides of now with these. An empty value sets back to the default."""
    if not pairs:
        return None
    overrides, default = dict(Organization.current().overrides), Policy()
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise CommandError(f"--set: “{pair}” has no “=”; write KEY=VALUE.")
        if not text and not isinstance(getattr(default, key, None), str):
            overrides.pop(key, None)
        else:
            overrides[key] = _typed(getattr(default, key, None), text)
    for problem in problems(overrides).values():
        raise CommandError(f"--set: {problem}.")
    return overrides


def _typed(default: Any, text: str) -> Any:
    if isinstance(default, bool):
        return {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}.get(
            text.lower(), text
        )
    try:
        return int(text) if isinstance(default, int) else text
    except ValueError:
        return text  # the sentence about it comes from the catalogue


def _start(given: str | None) -> datetime | None:
    if given is None or given.lower() == "none":
        return None
    try:
        moment = parse_datetime(given)
        day = None if moment else parse_date(given)
    except ValueError as error:
        raise CommandError(f"--start: “{given}” is no date: {error}.") from error
    if moment is None and day is None:
        raise CommandError(f"--start: “{given}” is no date. Write 2026-03-01 or 2026-03-01T08:00+01:00.")
    found = moment or datetime.combine(day, datetime.min.time())  # type: ignore[arg-type]
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _told(result: Result) -> dict[str, Any]:
    return {
        "mailbox": result.mailbox.email_address,
        "on_server": result.on_server,
        "looked_at": result.looked_at,
        "unreadable": result.unreadable,
        "out_of_time": result.out_of_time,
        "tracked_now": result.tracked_before,
        "tracked_then": result.tracked_after,
        "other_reason": result.other_reason,
        "differences": [_difference(one) for one in result.differences],
    }


def _difference(one: Difference) -> dict[str, Any]:
    """Without the subject: whoever runs commands is not for that reason somebody who reads the mail (law 12)."""
    told = asdict(one)
    del told["subject"]
    return told | ({"sender": ""} if one.is_private else {})


def _print(progress: Progress, result: Result) -> None:
    rows: list[list[Cell]] = [
        [
            f"{one.date:%Y-%m-%d %H:%M}" if one.date else "",
            "private" if one.is_private else one.sender,
            one.message_id,
            "tracked" if one.kept_after else "not tracked",
            f"{one.reason_before} → {one.reason_after}",
        ]
        for one in result.differences
    ]
    if rows:
        progress.table(["date", "sender", "Message-ID", "then", "reason now → then"], rows, title="What would change")
    progress.say(
        f"Looked at {result.looked_at:,} of {result.on_server:,} messages: {result.tracked_before:,} would be tracked by "
        f"the rules of now, {result.tracked_after:,} by the changed ones (+{result.gained:,}, −{result.lost:,})."
    )
    if result.out_of_time:
        progress.say("The time was up before all were looked at; --seconds gives more.", good=False)
    if result.unreadable:
        progress.say(f"{result.unreadable:,} messages could not be read.", good=False)
    progress.say("Nothing was written.", good=True)
