"""`manage.py replay`: rebuild emails from their stored originals, after a parser or a rule was mended."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from mailboxes.models import Mailbox
from serversync.progress import Progress
from serversync.replay import replay
from tracking.facts.originals import chosen
from tracking.keep.rebuilding import Rebuilt


class Command(BaseCommand):
    help = (
        "Compare emails with their originals, read anew, and print what differs. With --apply it is written: the same "
        "emails, said better; what people have changed stays. It can be stopped at any time and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mailbox", action="append", default=[], metavar="ADDRESS")
        parser.add_argument("--since", metavar="DATE", help="received or sent at or after")
        parser.add_argument("--until", metavar="DATE", help="received or sent before")
        parser.add_argument("--message-id", action="append", default=[], dest="message_ids", metavar="ID")
        parser.add_argument("--apply", action="store_true", help="write it; without this nothing is changed")
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="one JSON object per email, then totals"
        )

    def handle(
        self,
        *,
        mailbox: list[str],
        since: str | None,
        until: str | None,
        message_ids: list[str],
        apply: bool,
        as_json: bool,
        **_: Any,
    ) -> None:
        emails = chosen(_mailboxes(mailbox), _moment("--since", since), _moment("--until", until), message_ids)
        progress, totals = Progress(self.stdout.write, fancy=False if as_json else None), Counter[str]()
        for some in replay(emails, timezone.now, apply=apply):
            for one in some:
                totals.update(looked_at=1, different=bool(one.changes), left_alone=bool(one.problem))
                if as_json and (one.changes or one.problem or one.note):
                    self.stdout.write(json.dumps(_told(one), default=str, ensure_ascii=False))
                elif not as_json:
                    _say(progress, one)
        counts = {name: totals[name] for name in ("looked_at", "different", "left_alone")}
        if as_json:
            self.stdout.write(json.dumps({"kind": "totals", **counts, "applied": apply}))
            return
        done = "rebuilt" if apply else "differ from their originals; --apply rebuilds them"
        progress.say(f"Looked at {counts['looked_at']:,} emails: {counts['different']:,} {done}.", good=True)
        if counts["left_alone"]:
            progress.say(f"{counts['left_alone']:,} were left alone, as said above.", good=False)


def _mailboxes(addresses: list[str]) -> list[Mailbox]:
    found = []
    for address in addresses:
        mailbox = Mailbox.objects.filter(email_address__iexact=address).first()
        if mailbox is None:
            raise CommandError(f"No mailbox has the address {address}.")
        found.append(mailbox)
    return found


def _moment(option: str, given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = parse_datetime(given)
        day = None if moment else parse_date(given)
    except ValueError as error:
        raise CommandError(f"{option}: “{given}” is no date: {error}.") from error
    if moment is None:
        if day is None:
            raise CommandError(f"{option}: “{given}” is no date. Write 2026-03-01 or 2026-03-01T08:00+01:00.")
        moment = datetime.combine(day, datetime.min.time())
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _told(one: Rebuilt) -> dict[str, Any]:
    """Which things differ, not what they say: whoever runs commands does not for that reason read the mail (law 12)."""
    told = asdict(one)
    told["changes"] = [change.what for change in one.changes]
    return {"kind": "email", **told}


def _say(progress: Progress, one: Rebuilt) -> None:
    name = one.message_id or str(one.email_id)
    if one.problem:
        progress.say(f"{name}: left alone. {one.problem}", good=False)
    elif one.changes:
        progress.say(f"{name}: {', '.join(dict.fromkeys(change.what for change in one.changes))}")
    if one.note:
        progress.say(f"{name}: {one.note}")
