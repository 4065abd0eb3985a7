"""The database lets exactly those through that the pure rule lets through (10.1 b)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.act_items import Attendee
from tracking.crm.models import Account, Appointment, Contact, Task
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import FILTER_FIELDS, ME, OPERATORS, Asking, Condition, Together, Type, lets_through, parse
from tracking.decide.filters import stored as as_stored
from tracking.facts.act.filters import condition_of
from tracking.facts.act.kinds import MODELS, Syncing
from tracking.keep.act.writing import make_record

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = (RecordKind.TASK, RecordKind.CONTACT, RecordKind.APPOINTMENT)
TEXTS = ("offer", "An OFFER", "x", "ann@acme.test", "Acme")
UNTOLD = {"created_on", "modified_on"}


@st.composite
def conditions(draw: st.DrawFn, kind: RecordKind, users: list[str]) -> Condition:
    name = draw(st.sampled_from(sorted(set(FILTER_FIELDS[kind]) - UNTOLD)))
    row = FILTER_FIELDS[kind][name]
    operator = draw(st.sampled_from(sorted(OPERATORS[row.type])))
    if operator in ("is_empty", "is_set"):
        return Condition(name, operator)
    values: st.SearchStrategy[Any] = {
        Type.TEXT: st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2),
        Type.PERSON: st.lists(st.sampled_from([ME, *users]), min_size=1, max_size=2),
        Type.PEOPLE: st.lists(st.sampled_from([ME, *users]), min_size=1, max_size=2),
        Type.CHOICE: st.lists(st.sampled_from([key for key, _ in row.choices] or ["-"]), min_size=1, max_size=2),
        Type.YES_NO: st.lists(st.booleans(), min_size=1, max_size=1),
        Type.MOMENT: st.just(["2026-03-02"])
        if operator in ("on_or_after", "before")
        else st.lists(st.integers(0, 3), min_size=1, max_size=1),
    }[row.type]
    return Condition(name, operator, tuple(draw(values)))


@st.composite
def asked(draw: st.DrawFn, kind: RecordKind, users: list[str]) -> Together:
    leaf = conditions(kind, users)
    group = st.builds(Together, st.booleans(), st.lists(leaf, min_size=1, max_size=3).map(tuple))
    return draw(st.builds(Together, st.booleans(), st.lists(leaf | group, max_size=3).map(tuple)))


def people_and_records() -> tuple[list[str], dict[RecordKind, dict[str, dict[str, Any]]]]:
    """Alice, Bob, and records of each kind with what is known of them."""
    users = [get_user_model().objects.create_user(name, f"{name}@us.test") for name in ("alice", "bob")]
    keys = [str(one.pk) for one in users]
    facts: dict[RecordKind, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
    moments = [None, *(NOW + timedelta(days=days) for days in (-3, -1, 0, 2))]
    for number in range(10):
        owner, due = [None, *users][number % 3], moments[number % 5]
        shared = {"subject": ("", *TEXTS)[number % 6], "regarding_name": ("", "Acme")[number % 2], "owner": owner}
        told = {
            "owner": None if owner is None else str(owner.pk),
            "subject": shared["subject"],
            "regarding": shared["regarding_name"],
            "state": ("open", "completed")[number % 2],
            "priority": ("low", "normal", "high")[number % 3],
        }
        columns = {"state_code": number % 2, "priority_code": number % 3, "created_on": NOW}
        status = {"status_code": (2, 5)[number % 2]}
        task = Task.objects.create(**shared, **columns, **status, scheduled_end=due)
        facts[RecordKind.TASK][str(task.pk)] = told | {"due": due, "start": None}
        mail, account = ("", "ann@acme.test")[number % 2], Account.objects.create(name="Acme") if number % 3 else None
        contact = Contact.objects.create(
            full_name=TEXTS[number % 5],
            email_address_2=mail,
            owner=owner,
            parent_customer=account,
            state_code=number % 2,
        )
        facts[RecordKind.CONTACT][str(contact.pk)] = {
            "owner": told["owner"],
            "full_name": contact.full_name,
            "email": ("", mail, ""),
            "company": account and account.name,
            "job_title": "",
            "city": (),
            "country": (),
            "state": ("active", "inactive")[number % 2],
        }
        facts[RecordKind.APPOINTMENT].update(appointment(number, keys))
    return keys, facts


def appointment(number: int, keys: list[str]) -> dict[str, dict[str, Any]]:
    start = NOW + timedelta(days=number % 4 - 2)
    organizer, guest = ("alice", "bob", "zoe")[number % 3], ("bob", "alice")[number % 2]
    known = dict(zip(("alice", "bob"), keys, strict=True))
    made = make_record(
        RecordKind.APPOINTMENT,
        {
            "subject": TEXTS[number % 5],
            "start": start,
            "end": start + timedelta(hours=1),
            "is_private": bool(number % 2),
            "organizer": (Attendee(f"{organizer}@us.test"),),
            "required": (Attendee(f"{guest}@us.test"),) if number % 4 else (),
        },
        Syncing(SimpleMailbox(), int(keys[0]), "UTC", NOW),  # type: ignore[arg-type]
    )
    assert isinstance(made, Appointment)
    attendees = (known[guest],) if number % 4 else ()
    organizers = (known[organizer],) if organizer in known else ()
    return {
        str(made.pk): {
            "owner": str(made.owner_id),
            "subject": made.subject,
            "state": "scheduled",
            "priority": "normal",
            "regarding": "",
            "organizer": organizers,
            "attendees": attendees,
            "participants": organizers + attendees,
            "start": start,
            "end": start + timedelta(hours=1),
            "location": "",
            "is_private": bool(number % 2),
        }
    }


class SimpleMailbox:
    """Only an address."""

    email_address = "nobody@us.test"


def asked_of_database(kind: RecordKind, question: Together, asking: Asking) -> Any:
    """The same question, whoever may see the records."""
    return MODELS[kind]._default_manager.filter(condition_of(kind, question, asking))


@pytest.mark.django_db
def test_the_database_answers_as_the_rule() -> None:
    keys, facts = people_and_records()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data(), kind=st.sampled_from(KINDS), me=st.sampled_from(keys))
    def law(data: st.DataObject, kind: RecordKind, me: str) -> None:
        question = data.draw(asked(kind, keys))
        asking = Asking(me, NOW)
        assert parse(kind, as_stored(question)) == question
        found = {str(pk) for pk in asked_of_database(kind, question, asking).values_list("pk", flat=True)}
        assert found == {key for key, told in facts[kind].items() if lets_through(question, told, asking)}

    law()
