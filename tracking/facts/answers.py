"""Who sent what an automatic reply answers."""

from __future__ import annotations

from uuid import UUID

from tracking.crm.models import Direction, Email


def queues_that_sent(email_id: UUID) -> frozenset[str]:
    """The queue from whose mailbox this email went out, or in whose name it left through another (7.6), if it was one."""
    sent = Email.objects.filter(pk=email_id, direction_code=Direction.OUTGOING)
    queues = sent.values_list("sender_mailbox__regarding_queue_id", "represents__regarding_queue_id")
    return frozenset(str(queue) for pair in queues for queue in pair if queue is not None)
