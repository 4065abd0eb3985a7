"""`manage.py rotate_keys`: seals every stored password with the newest key."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from profiles.secrets import KeyUnavailable, new_key
from serversync.resealing import new_key_id, reseal


class Command(BaseCommand):
    help = (
        "Seal every stored password with the first key of FIELD_KEYS; then older keys can be taken out. "
        "Exit status 1: some could not be opened."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new", action="store_true", help="only print a new key; it is stored nowhere")

    def handle(self, *, new: bool, **_: Any) -> None:
        try:
            self._print_new_key() if new else self._reseal()
        except (KeyUnavailable, ValueError) as error:
            raise CommandError(f"{error} `manage.py rotate_keys --new` prints a key.") from error

    def _print_new_key(self) -> None:
        """The key alone on standard output, what to do with it on standard error."""
        self.stderr.write(
            "Put this before the other keys of FIELD_KEYS, separated by a comma, and restart web and worker; "
            "then run `manage.py rotate_keys`, and take the old keys out."
        )
        self.stdout.write(f"{new_key_id(timezone.now().date())}:{new_key()}")

    def _reseal(self) -> None:
        result = reseal()
        self.stdout.write(
            f"Key “{result.newest}”: {result.sealed_anew} passwords sealed anew, "
            f"{result.already_newest} sealed with it before, {len(result.unopened)} not opened."
        )
        for one in result.unopened:
            self.stderr.write(self.style.ERROR(f"{one.kind} {one.row}, {one.column}: {one.problem}"))
        if result.unopened:
            sys.exit(1)
