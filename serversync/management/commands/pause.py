"""`manage.py pause`: stop the organization, a profile, a mailbox or one leg at once."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailboxes import brake
from mailboxes.brake import Scope
from mailboxes.models import Leg, Mailbox
from profiles.models import EmailServerProfile


def add_scope(parser: ArgumentParser) -> None:
    """The options that say what is meant; none of them: the whole organization."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--mailbox", metavar="ADDRESS", help="only this mailbox")
    one.add_argument("--profile", metavar="NAME", help="only the mailboxes of this email server profile")
    parser.add_argument("--leg", choices=[leg.name.lower() for leg in Leg], help="only this direction")


def named_scope(mailbox: str | None, profile: str | None, leg: str | None) -> Scope:
    """What the options mean. Raises CommandError when there is no such mailbox or profile."""
    try:
        return Scope(
            EmailServerProfile.objects.get(name=profile) if profile else None,
            Mailbox.objects.get(email_address__iexact=mailbox) if mailbox else None,
            Leg[leg.upper()] if leg else None,
        )
    except Mailbox.DoesNotExist:
        raise CommandError(f"There is no mailbox with the address {mailbox}.") from None
    except EmailServerProfile.DoesNotExist:
        raise CommandError(f"There is no email server profile “{profile}”.") from None
    except EmailServerProfile.MultipleObjectsReturned:
        raise CommandError(f"Several email server profiles are named “{profile}”; use the console.") from None


def operator() -> str:
    """Who sits at the command line, as far as the machine knows."""
    return f"{getpass.getuser()} (command line)"


class Command(BaseCommand):
    help = "Stop receiving and sending at once, for the whole organization unless told otherwise. Running cycles are fenced."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_scope(parser)
        parser.add_argument("--reason", required=True, help="shown wherever people wonder why nothing runs")

    def handle(self, *, mailbox: str | None, profile: str | None, leg: str | None, reason: str, **_: Any) -> None:
        scope, now = named_scope(mailbox, profile, leg), timezone.now()
        row = brake.pause(scope, reason, operator(), now)
        before = "" if row.paused_on == now else "Nothing changed. "
        self.stdout.write(f"{before}{scope.words}: {brake.sentence(row)}")
