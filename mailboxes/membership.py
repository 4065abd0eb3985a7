"""Who works a queue, and that it was changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailboxes.models import Queue, QueueMember
from profiles import history


@contextmanager
def recorded(queue: Queue) -> Iterator[None]:
    """Whatever is done to the members of the queue inside is one line of its change history."""
    before = _names(queue)
    yield
    history.note(queue, "members", before, _names(queue))


def _names(queue: Queue) -> str:
    members = QueueMember.objects.filter(queue=queue).select_related("user")
    return ", ".join(sorted(member.user.get_username() for member in members))
