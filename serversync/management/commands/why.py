"""`manage.py why MESSAGE-ID`: why a message was tracked, or was not."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from mailboxes.models import Mailbox
from profiles.items import Sought
from serversync.looking import MOST_MAILBOXES, Look, look
from serversync.story import WHAT_TO_CHECK, EmailFacts, Story, story_of
from tracking.facts.why import Explanation


class Command(BaseCommand):
    help = "Say what became of a message in every mailbox, and why. Exit status 1: it was never seen."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("message_id", metavar="MESSAGE-ID", help="with or without its angle brackets")
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object")
        parser.add_argument("--live", action="store_true", help="look for it on the server of --mailbox as well")
        parser.add_argument("--mailbox", metavar="ADDRESS", default="", help="where --live looks")

    def handle(self, *, message_id: str, as_json: bool, live: bool, mailbox: str, **_: Any) -> None:
        looks = _looks(message_id, mailbox) if live else []
        story = story_of(message_id)
        if as_json:
            told = _plain(story) | ({"live": [asdict(one) for one in looks]} if live else {})
            self.stdout.write(json.dumps(told, default=str, ensure_ascii=False))
        else:
            self.stdout.write("\n".join([*_sentences(story), *_live(looks)]))
        if not story.was_seen:
            sys.exit(1)


def _looks(message_id: str, name: str) -> list[Look]:
    if not name:
        raise CommandError("--live needs --mailbox ADDRESS: whose mailbox shall be looked into?")
    named = Mailbox.objects.filter(Q(email_address__iexact=name) | Q(name__iexact=name)).order_by("pk")
    found = named.select_related("email_server_profile", "regarding_user", "regarding_queue")[:MOST_MAILBOXES]
    if not found:
        raise CommandError(f"There is no mailbox “{name}”. Enter its address or its name.")
    return [look(one, Sought(message_id=message_id)) for one in found]


def _live(looks: Iterable[Look]) -> Iterable[str]:
    for one in looks:
        yield f"On the server of {one.mailbox} now:"
        yield from (f"  {line}" for line in (one.error, one.remedy, one.words, one.limits) if line)
        for place in one.places:
            when = f", {place.received_on:%Y-%m-%d %H:%M} UTC" if place.received_on else ""
            yield f"  {place.words} ({place.folder}{when})"


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
    for said in one.answer.asked:
        yield f"  {said.name} ({said.filter or 'filter not told'}) said {'yes' if said.accepted else 'no'}: {said.words}"
    for fact in (*one.answer.people, *one.answer.conversation, *one.answer.other):
        yield f"  {fact.label}: {fact.text}"
    yield from (f"  Setting {name}: {value}" for name, _, value in one.settings)
    yield from (f"  What would change it: {sentence}" for sentence in one.answer.changes)
    if one.answer.note:
        yield f"  {one.answer.note}"
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
    yield from (f"  Recipient {told}" for told in one.recipients)
