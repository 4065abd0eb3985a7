"""`manage.py why MESSAGE-ID`: why a message was tracked, or was not."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from serversync.story import WHAT_TO_CHECK, EmailFacts, Story, story_of
from tracking.facts.why import Explanation


class Command(BaseCommand):
    help = "Say what became of a message in every mailbox, and why. Exit status 1: it was never seen."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("message_id", metavar="MESSAGE-ID", help="with or without its angle brackets")
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object")

    def handle(self, *, message_id: str, as_json: bool, **_: Any) -> None:
        story = story_of(message_id)
        if as_json:
            self.stdout.write(json.dumps(_plain(story), default=str, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_sentences(story)))
        if not story.was_seen:
            sys.exit(1)


def _plain(story: Story) -> dict[str, Any]:
    decisions = [asdict(one) | {"state": one.state.name.lower()} for one in story.decisions]
    emails = [asdict(one) for one in story.emails]
    return {"message_id": story.message_id, "seen": story.was_seen, "decisions": decisions, "emails": emails}


def _sentences(story: Story) -> Iterable[str]:
    if not story.was_seen:
        yield f"{story.message_id} was never seen."
        yield "What to check:"
        yield from (f"  - {hint}" for hint in WHAT_TO_CHECK)
    for decision in story.decisions:
        yield from _decision(decision)
    for email in story.emails:
        yield from _email(email)


def _decision(one: Explanation) -> Iterable[str]:
    reason = "" if one.reason is None else f" (reason {one.reason})"
    yield f"{one.message_id} in {one.mailbox}: {one.state.label}{reason}. {one.sentence}"
    yield from (f"  {label}: {text}" for label, text in one.evidence_lines)
    if one.error:
        retry = f"; tried again from {one.retry_on:%Y-%m-%d %H:%M} UTC" if one.retry_on else ""
        yield f"  Error after {one.attempts} attempts: {one.error}{retry}"
    for seen in one.placements:
        gone = f", gone since {seen.gone_on:%Y-%m-%d %H:%M} UTC" if seen.gone_on else ""
        yield f"  Shown in {seen.folder} as {seen.server_key} on {seen.shown_on:%Y-%m-%d %H:%M} UTC{gone}"
    if one.email_id:
        yield f"  Email: {one.email_id}"


def _email(one: EmailFacts) -> Iterable[str]:
    yield f"Email {one.id}: {one.direction}, {one.status}"
    details = {
        "Accepted by": one.accepted_by,
        "Received in": one.receiving_mailbox,
        "Sent from": one.sender_mailbox,
        "Delivery": " ".join(part for part in (one.delivery, one.delivery_detail) if part),
        "Correlated by": f"{one.correlation} with email {one.correlated_email}" if one.correlated_email else "",
    }
    yield from (f"  {label}: {text}" for label, text in details.items() if text)
