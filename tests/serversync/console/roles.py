"""The people of the rights: one for each role, and what each of them could look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from mailboxes.models import Mailbox, Queue, QueueMember
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile, row
from tracking.crm.models import Email
from tracking.models import LedgerRow, LedgerState

# In this order in every table: a visitor; Charlie, a plain user; Alice, who owns a mailbox and the Support queue; Mia, a
# member of Support; and four of the staff.
ROLES = ("anonymous", "charlie", "alice", "mia", "approver", "auditor", "administrator", "superuser")


@dataclass
class Office:
    """Everybody's browser, and the mail there is."""

    people: dict[str, Any]
    browsers: dict[str, Client]
    alices: Mailbox
    bobs: Mailbox
    supports: Mailbox
    to_alice: Email
    to_bob: Email
    to_support: Email
    ignored: LedgerRow


def open_office() -> Office:
    """Alice, Bob and the Support queue have mail; Charlie has none."""
    headquarters = profile()
    people = {name.lower(): mailbox(name, headquarters) for name in ("Alice", "Bob", "Charlie", "Mia")}
    alices, bobs = people["alice"], people["bob"]
    queue = Queue.objects.create(name="Support", email_address="support@us.test", owner=alices.regarding_user)
    QueueMember.objects.create(queue=queue, user=people["mia"].regarding_user)
    Mailbox.objects.filter(pk=queue.mailbox.pk).update(email_server_profile=headquarters)
    supports = Mailbox.objects.get(pk=queue.mailbox.pk)
    users = _users()
    return Office(
        people=users,
        browsers={name: browser(user) for name, user in users.items()},
        alices=alices,
        bobs=bobs,
        supports=supports,
        to_alice=tracked(alices, "For Alice alone"),
        to_bob=tracked(bobs, "For Bob alone"),
        to_support=tracked(supports, "For the queue"),
        ignored=row(supports, LedgerState.IGNORED, reason=1, message_id="<left.out@them.test>"),
    )


def tracked(of: Mailbox, subject: str) -> Email:
    """An email with an attachment that the mailbox keeps."""
    raw = letter(
        "dora@them.test",
        of.email_address,
        subject,
        f"Body: {subject}",
        attachments=[("a.txt", "text/plain", b"inside")],
    )
    email = kept(of, raw)
    Email.objects.filter(pk=email.pk).update(owner=of.regarding_user)
    row(of, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    return email


def _users() -> dict[str, Any]:
    users: dict[str, Any] = {"anonymous": None}
    for name in ("charlie", "alice", "mia"):
        users[name] = get_user_model().objects.get(username=name)
    for name in ("approver", "auditor", "administrator"):
        users[name] = get_user_model().objects.create_user(name, f"{name}@us.test", "x", is_staff=True)
        users[name].groups.add(Group.objects.get(name=name))
    users["superuser"] = get_user_model().objects.create_superuser("root", "root@us.test", "x")
    return users


def browser(user: Any) -> Client:
    """A browser in which this user, if any, is signed in."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return client
