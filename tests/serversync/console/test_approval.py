"""Who approves addresses: a permission of its own (3.5), checked where the button is pressed, with the name kept."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from mailboxes import approval
from mailboxes.models import Approval, Mailbox
from mailboxes.policy import Policy
from profiles import history
from tests.serversync.console.roles import Office, open_office

LIST = reverse("admin:mailboxes_mailbox_changelist")


@pytest.fixture
def office(db: None) -> Office:
    made = open_office()
    Mailbox.objects.update(email_router_access_approval=Approval.PENDING, email_address_approved_by=None)
    return made


@pytest.mark.parametrize(
    ("role", "may"), [("approver", True), ("auditor", False), ("administrator", True), ("superuser", True)]
)
@pytest.mark.parametrize(("button", "result"), [("approve", Approval.APPROVED), ("reject", Approval.REJECTED)])
def test_only_those_with_the_permission_approve_and_reject(
    office: Office, role: str, may: bool, button: str, result: Approval
) -> None:  # 3.7
    client = office.browsers[role]
    page = client.get(LIST).content.decode()
    assert (f'value="{button}"' in page) is may
    client.post(LIST, {"action": button, "_selected_action": [str(office.bobs.pk)]})
    bobs = Mailbox.objects.get(pk=office.bobs.pk)
    assert bobs.email_router_access_approval == (result if may else Approval.PENDING)
    assert (bobs.email_address_approved_by == office.people[role]) is (may and button == "approve")
    entries = history.entries_of(Mailbox, str(bobs.pk)).filter(actor=office.people[role])
    said = [line.after for entry in entries for line in history.lines(entry) if line.label == "Address approval"]
    assert said == (["Approved" if button == "approve" else "Rejected"] if may else [])


def test_whoever_may_only_change_mailboxes_may_not_approve(office: Office) -> None:
    person = office.people["administrator"]
    person.groups.get().permissions.remove(*person.groups.get().permissions.filter(codename="approve_address"))
    office.browsers["administrator"].post(LIST, {"action": "approve", "_selected_action": [str(office.bobs.pk)]})
    assert Mailbox.objects.get(pk=office.bobs.pk).email_router_access_approval == Approval.PENDING


@pytest.mark.parametrize("role", ["anonymous", "charlie", "alice", "auditor"])
def test_the_code_refuses_as_well_as_the_button(office: Office, role: str) -> None:
    person, now = office.people[role] or AnonymousUser(), timezone.now()
    everybody = Mailbox.objects.all()
    with pytest.raises(PermissionDenied):
        approval.approve(everybody, person, now)
    with pytest.raises(PermissionDenied):
        approval.reject(everybody, person)
    with pytest.raises(PermissionDenied):
        approval.approve_own(office.alices, person, Policy(), now)
    assert not Mailbox.objects.exclude(email_router_access_approval=Approval.PENDING).exists()
