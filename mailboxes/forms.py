"""Forms of mailboxes and queues."""

from __future__ import annotations

from mailboxes.joining import ChoosesReaders
from mailboxes.models import Mailbox, Queue
from mailboxes.taking_over import AsksToTakeOver
from profiles.forms import SealedPasswordsForm, clear_password, new_password


class MailboxForm(ChoosesReaders, AsksToTakeOver, SealedPasswordsForm):
    """A mailbox as people edit it; its legs are the engine's and no part of it."""

    sealed_columns = ("password",)
    reader_fields = ("regarding_user", "regarding_queue", "owner")
    new_password = new_password("Password")
    clear_password = clear_password("Clear the password")

    class Meta:
        model = Mailbox
        exclude: tuple[str, ...] = ()


class QueueForm(ChoosesReaders, AsksToTakeOver):
    """A queue as people edit it."""

    reader_fields = ("owner",)

    class Meta:
        model = Queue
        exclude: tuple[str, ...] = ("members",)
