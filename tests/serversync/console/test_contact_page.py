"""The page of a contact: its columns are those that are synchronized (10.8)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from tracking.crm.models import Contact

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", "root@us.test"))
    return client


def entered(admin: Client, **columns: str) -> Any:
    return admin.post(reverse("admin:crm_contact_add"), {"state_code": "0", **columns})


def test_the_whole_name_is_made_of_the_parts(admin: Client) -> None:  # 10.8
    answer = entered(admin, first_name="Ann", last_name="Ray", full_name="Somebody", birth_date="1980-02-29")
    assert answer.status_code == 302
    ann = Contact.objects.get()
    assert (ann.full_name, str(ann.birth_date)) == ("Ann Ray", "1980-02-29")


def test_who_has_no_parts_enters_the_whole_name(admin: Client) -> None:
    assert entered(admin, full_name="Ann Ray").status_code == 302
    assert Contact.objects.get().full_name == "Ann Ray"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "Enter a first name, a last name, or the whole name."),
        (
            {"first_name": "A" * 50, "middle_name": "B" * 50, "last_name": "C" * 50, "suffix": "D" * 10},
            "The whole name is longer than 160 characters.",
        ),
    ],
)
def test_a_contact_needs_a_name_that_fits(admin: Client, columns: dict[str, str], words: str) -> None:
    answer = entered(admin, **columns)
    assert words in answer.content.decode()
    assert not Contact.objects.exists()


def test_every_column_that_is_synchronized_can_be_edited(admin: Client) -> None:  # 10.8
    page = admin.get(reverse("admin:crm_contact_add"))
    shown = set(page.context["adminform"].form.fields)
    assert shown == {
        column.name for column in Contact._meta.concrete_fields if column.editable and column.name != "id"
    } - {
        "created_on",
        "modified_on",
    }
