"""Outgoing email: submitting it, what it waits for, who has got it, and the one table of moves of its status (7).

moves        the table of moves, and the events
submitting   what people do: send, take back, cancel        fixing     the message, composed once
waiting      what may leave now, and why the rest does not  holding    what waits for a person's word
letters      what a server is given                         recipients what became of each recipient
unknown      what nobody knows the fate of
"""

from __future__ import annotations

from tracking.crm.delivery.holding import hold_backlog, release, without_loops
from tracking.crm.delivery.letters import letter_of, mark_of
from tracking.crm.delivery.moves import MOVES, IllegalMove, move, tell
from tracking.crm.delivery.reasons import why_waiting
from tracking.crm.delivery.recipients import (
    LONGEST_DETAIL,
    in_trouble,
    note_refused,
    note_taken,
    note_taken_by_all,
    parties_of,
    state_from,
    state_now,
    still_to_get_it,
)
from tracking.crm.delivery.submitting import cancel, submit, take_back
from tracking.crm.delivery.unknown import doubt_everything_unsent, mark_unknown, resolve_unknown
from tracking.crm.delivery.waiting import (
    begin_attempts,
    left_in_sending,
    next_send_time,
    uncount,
    waiting_to_send,
)

__all__ = [
    "LONGEST_DETAIL",
    "MOVES",
    "IllegalMove",
    "begin_attempts",
    "cancel",
    "doubt_everything_unsent",
    "hold_backlog",
    "in_trouble",
    "left_in_sending",
    "letter_of",
    "mark_of",
    "mark_unknown",
    "move",
    "next_send_time",
    "note_refused",
    "note_taken",
    "note_taken_by_all",
    "parties_of",
    "release",
    "resolve_unknown",
    "state_from",
    "state_now",
    "still_to_get_it",
    "submit",
    "take_back",
    "tell",
    "uncount",
    "waiting_to_send",
    "why_waiting",
    "without_loops",
]
