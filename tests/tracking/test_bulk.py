"""Many rows by one statement read back as if each had been saved by itself."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, models, transaction

from profiles.statements import Change, insert_many, update_many
from tests.bench.product import statements
from tracking.crm.models import Blob, DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import ActivityState, EmailStatus

NOW = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def email(number: int) -> Email:
    return Email(
        subject=f"Grüße {number}",
        description="a 100 % sure %s",
        direction_code=bool(number % 2),
        state_code=ActivityState.COMPLETED,
        status_code=EmailStatus.RECEIVED,
        message_id_dup_check=uuid.uuid4(),
        conversation_tracking_id=uuid.uuid4() if number % 3 else None,
        sent_on=NOW,
        created_on=NOW,
    )


def columns(row: models.Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_hundred_emails_are_one_statement_and_read_back_as_they_were() -> None:
    emails = [email(number) for number in range(100)]
    with statements() as heard:
        insert_many(emails)
    assert heard.kinds == {"INSERT": 1}
    assert [columns(Email.objects.get(pk=one.pk)) for one in emails] == [columns(one) for one in emails]
    assert all(one.modified_on is not None for one in emails)


@pytest.mark.parametrize("facts", [{}, {"a": [1, None, "é"]}, "text", 7, True])
def test_json_is_stored_as_json_whatever_it_holds(facts: object) -> None:
    insert_many([DomainEvent(kind=EventKind.EMAIL_TRACKED, happened_on=NOW, subject_id="1", facts=facts)])
    assert DomainEvent.objects.get().facts == facts


def test_a_key_as_text_is_stored_as_the_number_it_is(django_user_model: type[models.Model]) -> None:
    owner = django_user_model.objects.create(username="alice")  # type: ignore[attr-defined]
    one = email(1)
    one.owner_id = str(owner.pk)
    insert_many([one])
    assert Email.objects.get(owner=owner).owner_id == owner.pk


def test_only_the_named_columns_are_updated() -> None:
    emails = [email(number) for number in range(3)]
    insert_many(emails)
    for number, one in enumerate(emails):
        one.subject, one.sender = f"changed {number}", "not written"
    update_many(emails, ["subject"])
    found = [Email.objects.get(pk=one.pk) for one in emails]
    assert [(one.subject, one.sender) for one in found] == [(f"changed {number}", "") for number in range(3)]


def test_conflicts_are_ignored_where_that_is_wanted_and_raised_where_not() -> None:
    first, again, other = (Blob(digest=digest, size=1, created_on=NOW) for digest in ("a", "a", "b"))
    insert_many([first])
    insert_many([again, other], ignore_conflicts=True)
    assert set(Blob.objects.values_list("digest", flat=True)) == {"a", "b"}
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many([Blob(digest="a", size=2, created_on=NOW)])


def test_nothing_to_write_says_nothing() -> None:
    with statements() as heard:
        insert_many([])
        update_many([], ["subject"])
    assert heard.texts == []


def test_a_change_takes_states_numbers_keys_as_text_and_times_of_any_zone_and_finds_only_its_row() -> None:
    one, other = email(1), email(2)
    insert_many([one, other])
    change = Change(Email, ["status_code", "sent_on", "conversation_tracking_id"], found_by=["id", "status_code"])
    later = (NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=5)))
    assert change(EmailStatus.SENT, later, None, str(one.pk), EmailStatus.RECEIVED) == 1
    assert change(EmailStatus.SENT, later, None, one.pk, int(EmailStatus.RECEIVED)) == 0, "it is sent already"
    found = Email.objects.get(pk=one.pk)
    assert (found.status_code, found.sent_on, found.conversation_tracking_id) == (EmailStatus.SENT, later, None)
    assert Email.objects.get(pk=other.pk).status_code == EmailStatus.RECEIVED
