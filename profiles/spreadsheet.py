"""Lists as CSV files: streamed, so that a long list costs no memory, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """What csv writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def download(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A file to keep. It begins with a byte order mark, by which spreadsheets know that it is UTF-8."""
    answer = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(header)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def cell(value: Any) -> str:
    """A value as text. What a spreadsheet would take for a formula is marked as text with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(STARTS_A_FORMULA) else text
