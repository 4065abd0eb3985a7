"""`manage.py error_catalogue`: the error catalogue as text, for docs/errors.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from mailboxes.catalogue import as_markdown


class Command(BaseCommand):
    help = "Print what each error means and what helps, as Markdown."

    def handle(self, **_: Any) -> None:
        self.stdout.write(as_markdown(), ending="")
