"""How commands show what they do: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

Cell = str | int | float


class Progress:
    """Speaks to people. On a terminal there is colour and a line that says what happens now; elsewhere neither."""

    def __init__(self, write: Callable[[str], object], fancy: bool | None = None) -> None:
        self._write = write
        self._fancy = sys.stdout.isatty() if fancy is None else fancy
        self._console = Console(highlight=False) if self._fancy else None
        self._status: Status | None = None

    def working(self, what: str) -> AbstractContextManager[object]:
        """Shows `what` with a moving sign while the block runs; without a terminal nothing is shown."""
        if self._console is None:
            return nullcontext()
        self._status = self._console.status(what)
        return self._status

    def now(self, what: str) -> None:
        """Change what the moving line says."""
        if self._status is not None:
            self._status.update(what)

    def say(self, text: str, good: bool | None = None) -> None:
        """One line; `good` gives it a colour on a terminal."""
        if self._console is None:
            self._write(text)
        else:
            style = {True: "green", False: "bold red", None: ""}[good]
            self._console.print(text, style=style, markup=False)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "") -> None:
        """A table; as plain lines its columns are aligned with blanks. Columns of numbers are set to the right."""
        lines = [list(row) for row in rows]
        numeric = [all(isinstance(line[i], int | float) for line in lines) for i in range(len(heads))]
        if self._console is None:
            self._plain(heads, lines, numeric)
            return
        table = Table(title=title or None, title_justify="left")
        for head, is_number in zip(heads, numeric, strict=True):
            table.add_column(head, justify="right" if is_number else "left")
        for line in lines:
            table.add_row(*(escape(str(cell)) for cell in line))
        self._console.print(table)

    def _plain(self, heads: Sequence[str], rows: list[list[Cell]], numeric: list[bool]) -> None:
        lines = [list(heads), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        for line in lines:
            cells = [
                cell.rjust(width) if is_number else cell.ljust(width)
                for cell, width, is_number in zip(line, widths, numeric, strict=True)
            ]
            self._write("  ".join(cells).rstrip())
