"""`manage.py track MESSAGE-ID`: track a message that was left out of one mailbox, past every filter (5.6)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from mailboxes.models import Mailbox
from tracking.crm.identity import stored_message_id
from tracking.keep.track_now import track_now
from tracking.models import LedgerRow


def add_message(parser: ArgumentParser) -> None:
    """The arguments that name one message of one mailbox."""
    parser.add_argument("message_id", metavar="MESSAGE-ID", help="with or without its angle brackets")
    parser.add_argument("--mailbox", metavar="ADDRESS", required=True, help="of whose mailbox")


def named_rows(message_id: str, address: str) -> QuerySet[LedgerRow]:
    """What the mailbox knows under this Message-ID. Raises CommandError when there is no such mailbox or message."""
    mailbox = Mailbox.objects.filter(email_address__iexact=address).first()
    if mailbox is None:
        raise CommandError(f"There is no mailbox with the address {address}.")
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    rows = LedgerRow.objects.filter(mailbox=mailbox, message_id__in=[stored_message_id(f"<{bare}>"), bare])
    if not rows.exists():
        raise CommandError(f"{address} has not seen {message_id}. See: manage.py why '{message_id}'")
    return rows


class Command(BaseCommand):
    help = "Track a message that was left out of one mailbox: it is fetched again at the next run, past every filter."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_message(parser)

    def handle(self, *, message_id: str, mailbox: str, **_: Any) -> None:
        asked = track_now(named_rows(message_id, mailbox), None, timezone.now())
        if asked.gone:
            raise CommandError("The server shows it no more, so it cannot be tracked.")
        self.stdout.write("It is tracked at the next run." if asked.asked else "Nothing was changed: it is tracked.")
