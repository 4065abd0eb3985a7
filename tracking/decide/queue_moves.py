"""What may be done with an item of a queue, as a table of moves (5.18, law 11). Pure."""

from __future__ import annotations

from enum import Enum, StrEnum


class Standing(Enum):
    """How an item stands: nobody works on it yet, somebody does, or there is nothing left to do."""

    WAITING = "waiting"
    PICKED = "picked"
    CLOSED = "closed"


class Move(StrEnum):
    """What a person does with an item."""

    PICK = "pick"
    ASSIGN = "assign"
    RELEASE = "release"
    ROUTE = "route"
    HAND = "hand"
    CONVERT = "convert"
    CLOSE = "close"
    REOPEN = "reopen"


_OPEN = frozenset({Standing.WAITING, Standing.PICKED})
MOVES: dict[Move, tuple[frozenset[Standing], Standing]] = {
    Move.PICK: (frozenset({Standing.WAITING}), Standing.PICKED),
    Move.ASSIGN: (_OPEN, Standing.PICKED),
    Move.RELEASE: (frozenset({Standing.PICKED}), Standing.WAITING),
    # What leaves a queue leaves its item behind, closed: the same email never enters that queue a second time.
    Move.ROUTE: (_OPEN, Standing.CLOSED),
    Move.HAND: (_OPEN, Standing.CLOSED),
    Move.CONVERT: (_OPEN, Standing.CLOSED),
    Move.CLOSE: (_OPEN, Standing.CLOSED),
    Move.REOPEN: (frozenset({Standing.CLOSED}), Standing.WAITING),
}


def standing_of(is_open: bool, has_worker: bool) -> Standing:
    """How an item stands by its two columns; who worked on a closed one is kept."""
    if not is_open:
        return Standing.CLOSED
    return Standing.PICKED if has_worker else Standing.WAITING


def allowed(standing: Standing) -> list[Move]:
    """What may be done with an item that stands so."""
    return [move for move, (before, _) in MOVES.items() if standing in before]
