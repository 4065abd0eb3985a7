"""Nobody comes to read the mail of others unseen: joining a queue, taking a mailbox, setting a password (12.1)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes import attention, readers
from mailboxes.models import Mailbox, Queue, QueueMember, TraceLog
from tests.serversync.console.people import mailbox
from tests.serversync.console.roles import Office, browser
from tests.serversync.console.test_passwords import filled
from tracking.facts.visibility import visible_emails


@pytest.fixture
def support(office: Office) -> Queue:
    return Queue.objects.get(name="Support")


def people_form(queue: Queue, *joining: Any, **changes: Any) -> dict[str, Any]:
    """The form of a queue as the console sends it: everybody who is a member already, and those who join."""
    rows = list(QueueMember.objects.filter(queue=queue).values("pk", "user"))
    values: dict[str, Any] = {
        "name": queue.name,
        "email_address": queue.email_address,
        "incoming_email_filtering_method": queue.incoming_email_filtering_method,
        "queue_view_type": queue.queue_view_type,
        "state_code": queue.state_code,
        "owner": queue.owner_id or "",
        "queuemember_set-TOTAL_FORMS": len(rows) + len(joining),
        "queuemember_set-INITIAL_FORMS": len(rows),
    }
    for number, row in enumerate([*rows, *({"user": person.pk} for person in joining)]):
        values |= {
            f"queuemember_set-{number}-id": row.get("pk", ""),
            f"queuemember_set-{number}-queue": queue.pk,
            f"queuemember_set-{number}-user": row["user"],
        }
    return values | changes


def save(client: Client, queue: Queue, *joining: Any, **changes: Any) -> str:
    """Save the form of a queue; the page that follows."""
    address = reverse("admin:mailboxes_queue_change", args=[queue.pk])
    return client.post(address, people_form(queue, *joining, **changes), follow=True).content.decode()


def alerts_of(of: Mailbox) -> list[str]:
    return list(of.alerts.filter(closed_on__isnull=True).order_by("pk").values_list("text", flat=True))


def test_ada_cannot_add_herself_to_a_queue(office: Office, support: Queue) -> None:
    page = save(office.browsers["administrator"], support, office.people["administrator"])
    assert readers.REFUSAL in page
    assert not visible_emails(office.people["administrator"]).exists()
    assert alerts_of(office.supports) == []


def test_ada_cannot_make_herself_its_owner(office: Office, support: Queue) -> None:
    ada = office.people["administrator"]
    assert readers.REFUSAL in save(office.browsers["administrator"], support, owner=ada.pk)
    support.refresh_from_db()
    assert support.owner == office.people["alice"]


def test_nor_put_herself_in_the_place_of_a_member(office: Office, support: Queue) -> None:
    ada = office.people["administrator"]
    page = save(office.browsers["administrator"], support, **{"queuemember_set-0-user": ada.pk})
    assert readers.REFUSAL in page
    assert readers.people_of(support.pk) == {office.people["alice"].pk, office.people["mia"].pk}


def test_nor_take_alices_mailbox_for_her_own(office: Office) -> None:
    client, ada = office.browsers["administrator"], office.people["administrator"]
    address = reverse("admin:mailboxes_mailbox_change", args=[office.alices.pk])
    page = client.post(address, filled(client, address) | {"owner": ada.pk}).content.decode()
    assert readers.REFUSAL in page
    office.alices.refresh_from_db()
    assert office.alices.owner == office.people["alice"]


def test_emptying_the_queue_first_does_not_help_her(office: Office, support: Queue) -> None:
    QueueMember.objects.all().delete()
    Queue.objects.update(owner=None)
    Mailbox.objects.filter(pk=office.supports.pk).update(owner=None)
    support.refresh_from_db()
    ada = office.people["administrator"]
    assert readers.REFUSAL in save(office.browsers["administrator"], support, ada)


def test_a_colleague_adds_her_and_everybody_in_the_queue_sees_it(office: Office, support: Queue) -> None:
    ada, root = office.people["administrator"], office.people["superuser"]
    save(office.browsers["superuser"], support, ada)
    assert visible_emails(ada).filter(pk=office.to_support.pk).exists()
    told = "root let administrator read the mail of Support, from now on and what is there already."
    for name in ("alice", "mia"):
        assert told in office.browsers[name].get(reverse("owner:alerts")).content.decode()
    for person in (ada, root):  # neither who gained by it nor who did it makes it go away
        assert attention.dismiss(office.supports.alerts.all(), person, timezone.now()) == 0
    assert attention.dismiss(office.supports.alerts.all(), office.people["alice"], timezone.now()) == 1


def test_one_who_may_read_everything_joins_and_is_announced_as_well(office: Office, support: Queue) -> None:
    ada = office.people["administrator"]
    ada.user_permissions.add(Permission.objects.get(codename="read_others_mail"))
    save(browser(type(ada).objects.get(pk=ada.pk)), support, ada)
    assert alerts_of(office.supports) == [
        "administrator let themselves read the mail of Support, from now on and what is there already."
    ]


def test_whoever_loses_the_queue_is_told_in_their_own_mailbox(office: Office, support: Queue) -> None:
    bob = mailbox("Ben").regarding_user
    save(office.browsers["administrator"], support, owner=bob.pk, **{"queuemember_set-0-DELETE": "on"})
    assert alerts_of(office.alices) == ["administrator ended that Alice reads the mail of Support."]
    assert alerts_of(office.people["mia"].mailbox) == ["administrator ended that Mia reads the mail of Support."]
    assert alerts_of(office.supports) == [
        "administrator let Ben read the mail of Support, from now on and what is there already."
    ]


def test_a_new_queue_of_ones_own_needs_nobody(office: Office) -> None:
    ada = office.people["administrator"]
    queue = Queue(name="Sales", email_address="sales@us.test")
    form = people_form(queue, owner=ada.pk) | {"queuemember_set-TOTAL_FORMS": 0, "queuemember_set-INITIAL_FORMS": 0}
    office.browsers["administrator"].post(reverse("admin:mailboxes_queue_add"), form)
    assert Queue.objects.get(name="Sales").owner == ada
    assert not TraceLog.objects.exists()


def test_saving_a_queue_without_a_change_of_people_tells_nobody(office: Office, support: Queue) -> None:
    save(office.browsers["administrator"], support, name="Help")
    support.refresh_from_db()
    assert support.name == "Help"
    assert not TraceLog.objects.exists()


# A password that somebody else has set


def reset(office: Office, name: str = "alice", by: str = "administrator") -> None:
    address = reverse("admin:auth_user_password_change", args=[office.people[name].pk])
    fields = {"password1": "long and secret", "password2": "long and secret", "usable_password": "true"}
    assert office.browsers[by].post(address, fields | {"set-password": "x"}).status_code == 302


def sign_in(name: str, password: str = "long and secret") -> tuple[Client, str]:
    client = Client()
    answer = client.post("/login/", {"username": name, "password": password}, follow=True)
    return client, answer.content.decode()


def test_alice_is_told_that_her_password_was_set_by_ada(office: Office) -> None:
    reset(office)
    assert [message.to for message in mail.outbox] == [["alice@us.test"]]
    assert "administrator has set a new password for Alice" in mail.outbox[0].body
    assert "long and secret" not in mail.outbox[0].body
    client, page = sign_in("alice")
    assert "administrator has set a new password for Alice" in page
    assert "Whoever set it knows it: change it." in page
    (alert,) = office.alices.alerts.all()
    client.post(reverse("owner:dismiss", args=[office.alices.pk, alert.pk]))
    assert alerts_of(office.alices) != []  # it goes away with the password, not before
    old = {"old_password": "long and secret", "new_password1": "quite my own 1", "new_password2": "quite my own 1"}
    page = client.post(reverse("owner:password"), old, follow=True).content.decode()
    assert "Your password is changed." in page
    assert alerts_of(office.alices) == []
    assert "has set a new password" not in sign_in("alice", "quite my own 1")[1]


def test_setting_ones_own_password_in_the_console_tells_nobody(office: Office) -> None:
    reset(office, "superuser", "superuser")
    assert mail.outbox == []
    assert not TraceLog.objects.exists()


def test_a_refused_password_was_not_set_and_is_not_announced(office: Office) -> None:
    address = reverse("admin:auth_user_password_change", args=[office.people["alice"].pk])
    fields = {"password1": "one thing", "password2": "another", "usable_password": "true", "set-password": "x"}
    assert office.browsers["administrator"].post(address, fields).status_code == 200
    assert mail.outbox == []
    assert not TraceLog.objects.exists()
