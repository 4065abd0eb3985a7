"""Every constraint that the models declare is kept by the database itself: what it refuses, and what it lets pass beside it
(entity model, 3.2–3.4, 4). A new constraint needs a line here. The suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from mailboxes.models import (
    AddressEntry,
    AddressResolution,
    Leg,
    Mailbox,
    MailboxLeg,
    Organization,
    Pause,
    Queue,
    QueueItem,
    QueueMember,
    ServerCircuit,
    Trial,
)
from profiles.models import EmailServerProfile, ServerType
from tests.mailboxes import act_constraints
from tests.mailboxes.constraint_rows import (
    CLOSED,
    ITEM,
    ITS_PROFILE,
    ITS_QUEUE,
    MINE,
    NOW,
    RULE,
    Case,
    House,
    Make,
    activity,
    alert,
    changed,
    made,
    of_profile,
    twice,
)
from tracking.crm.models import (
    ActivityMimeAttachment,
    Appointment,
    Email,
    Fax,
    Letter,
    PhoneCall,
    RecurringAppointmentMaster,
    Task,
)
from tracking.crm.models.states import (
    APPOINTMENT_PAIRS,
    EMAIL_PAIRS,
    FAX_PAIRS,
    LETTER_PAIRS,
    PHONE_CALL_PAIRS,
    TASK_PAIRS,
    ActivityState,
    AppointmentStatus,
    EmailStatus,
    FaxStatus,
    LetterStatus,
    Pairs,
    PhoneCallStatus,
    TaskStatus,
)
from tracking.models import (
    LedgerRow,
    MailboxTrackingFolder,
    Placement,
    SyncCursor,
    Tombstone,
    TrackingExclusion,
)

pytestmark = pytest.mark.django_db
APPS = ("profiles", "mailboxes", "crm", "tracking")


@pytest.fixture
def house(db: None) -> House:
    return House(
        get_user_model().objects.create_user("alice", "alice@us.test"),
        Queue.objects.create(name="Support", email_address="support@us.test"),
        EmailServerProfile.objects.create(name="Headquarters", server_type=ServerType.EXCHANGE_SERVER),
        ContentType.objects.get_for_model(Email),
    )


def attachment(number: int) -> Make:
    return lambda house: ActivityMimeAttachment.objects.create(
        email=Email.objects.first() or house.email(), attachment_number=number
    )


def placement(**columns: Any) -> Make:
    values = {"folder": "inbox", "epoch": "1", "server_key": "k", "shown_on": NOW} | columns
    return lambda house: Placement.objects.create(mailbox=house.alices, ledger_row=house.row(), **values)


def same_email(house: House) -> Email:
    return house.email(message_id_dup_check=uuid.UUID(int=1))


def cursor(folder: str) -> Make:
    return lambda house: SyncCursor.objects.create(
        leg=MailboxLeg.objects.get(mailbox=house.alices, leg=Leg.INCOMING), folder=folder, kind="x", moved_on=NOW
    )


KEPT: dict[str, Case] = {
    **act_constraints.KEPT,
    "profile_connections_1_to_300": of_profile("max_concurrent_connections", 300, 0),
    "profile_polling_at_most_a_day": of_profile("min_polling_interval_in_minutes", 1440, 1441),
    "address_once_per_record_and_column": twice(
        made(AddressEntry, {"record_type": "kind"}, address="a@us.test", record_id="1"),
        made(AddressEntry, {"record_type": "kind"}, address="a@us.test", record_id="1", column_number=2),
        made(AddressEntry, {"record_type": "kind"}, address="a@us.test", record_id="2"),
    ),
    "leg_once_per_mailbox": ([], made(MailboxLeg, MINE, leg=Leg.ACT)),
    "organization_is_one_row": ([made(Organization, id=1)], made(Organization, id=2)),
    "queue_member_once": twice(made(QueueMember, ITS_QUEUE | {"user": "alice"})),
    "queue_item_once_per_queue": twice(
        made(QueueItem, ITEM, object_id="1", entered_on=NOW), made(QueueItem, ITEM, object_id="2", entered_on=NOW)
    ),
    "mailbox_of_one_owner_at_most": (
        [lambda house: Mailbox.objects.filter(regarding_queue=house.support).delete()],
        lambda house: Mailbox.objects.filter(regarding_user=house.alice).update(regarding_queue=house.support),
    ),
    "mailbox_forward_belongs_to_nobody": (
        [made(Mailbox, name="Forward", is_forward_mailbox=True)],
        made(Mailbox, name="Nobody’s", is_forward_mailbox=False),
    ),
    "mailbox_forward_only_receives": (
        [made(Mailbox, name="Forward", is_forward_mailbox=True, incoming_email_delivery_method=2)],
        made(Mailbox, name="Sends", is_forward_mailbox=True, outgoing_email_delivery_method=2),
    ),
    "mailbox_of_user_never_deletes": (
        [changed(Mailbox, "supports", process_and_delete_emails=True)],
        changed(Mailbox, "alices", process_and_delete_emails=True),
    ),
    "mailbox_address_once": (
        [
            changed(Mailbox, "supports", email_address=""),
            changed(Mailbox, "alices", email_address=""),
            changed(Mailbox, "alices", email_address="alice@us.test"),
        ],
        changed(Mailbox, "supports", email_address="ALICE@us.test"),
    ),
    "alert_about_a_mailbox_or_a_profile": ([alert(of="alices"), alert(of="profile")], alert(of="alices profile")),
    "alert_open_once_per_mailbox": twice(
        alert(of="alices"), alert(of="supports"), alert(of="alices", cause="y"), alert(of="alices", **CLOSED)
    ),
    "alert_open_once_per_profile": twice(
        alert(of="profile"), alert(of="profile", cause="y"), alert(of="profile", **CLOSED)
    ),
    "circuit_once_per_profile_and_leg": twice(
        made(ServerCircuit, ITS_PROFILE, leg=Leg.INCOMING), made(ServerCircuit, ITS_PROFILE, leg=Leg.OUTGOING)
    ),
    "pause_of_a_profile_or_a_mailbox": (
        [made(Pause, paused_on=NOW), made(Pause, MINE, paused_on=NOW)],
        made(Pause, MINE | {"email_server_profile": "profile"}, paused_on=NOW),
    ),
    "trial_open_once_per_leg": twice(
        made(Trial, MINE, leg=Leg.INCOMING, requested_on=NOW),
        made(Trial, MINE, leg=Leg.OUTGOING, requested_on=NOW),
        made(Trial, MINE, leg=Leg.INCOMING, requested_on=NOW, finished_on=NOW),
    ),
    "attachment_number_once_per_email": twice(attachment(1), attachment(2)),
    "email_once": twice(same_email, lambda house: house.email()),
    "email_state_fits_status": (
        [activity(Email, message_id_dup_check=uuid.UUID(int=1))],
        activity(Email, message_id_dup_check=uuid.UUID(int=2), status_code=EmailStatus.SENT),
    ),
    "cursor_once_per_folder": twice(cursor("inbox"), cursor("sent")),
    "exclusion_once_per_mailbox": twice(
        made(TrackingExclusion, MINE, kind=0, value="x", created_on=NOW),
        made(TrackingExclusion, MINE, kind=1, value="x", created_on=NOW),
        made(TrackingExclusion, {"mailbox": "supports"}, kind=0, value="x", created_on=NOW),
    ),
    "exclusion_once_for_all": twice(
        made(TrackingExclusion, kind=0, value="x", created_on=NOW),
        made(TrackingExclusion, MINE, kind=0, value="x", created_on=NOW),
    ),
    "folder_rule_once_per_mailbox": twice(
        made(MailboxTrackingFolder, MINE, **RULE), made(MailboxTrackingFolder, {"mailbox": "supports"}, **RULE)
    ),
    "ledger_once_per_content": twice(
        made(LedgerRow, MINE, content_key="c", discovered_on=NOW),
        made(LedgerRow, {"mailbox": "supports"}, content_key="c", discovered_on=NOW),
        made(LedgerRow, MINE, discovered_on=NOW),
        made(LedgerRow, MINE, discovered_on=NOW),  # headers not read yet
    ),
    "placement_once": twice(placement(), placement(epoch="2"), placement(folder="deals"), placement(server_key="l")),
    "tombstone_once": twice(
        made(Tombstone, MINE, content_key="c", removed_on=NOW),
        made(Tombstone, {"mailbox": "supports"}, content_key="c", removed_on=NOW),
    ),
    # columns that are unique by themselves
    "EmailServerProfile.name": ([], made(EmailServerProfile, name="Headquarters", server_type=0)),
    "AddressResolution.address": twice(
        made(AddressResolution, {"record_type": "kind"}, address="a@us.test", record_id="1", chosen_on=NOW)
    ),
    "Queue.name": ([], made(Queue, name="Support")),
    "Mailbox.regarding_user": ([], made(Mailbox, {"regarding_user": "alice"}, name="x")),
    "Mailbox.regarding_queue": ([], made(Mailbox, {"regarding_queue": "support"}, name="x")),
    "UserSettings.tracking_token_id": (
        [lambda house: _number(house.alice, 7)],
        lambda house: _number(get_user_model().objects.create_user("bob"), 7),
    ),
}


def _number(user: Any, number: int) -> None:
    user.sync_settings.tracking_token_id = number
    user.sync_settings.save()


def declared() -> Iterator[str]:
    for model in apps.get_models():
        if model._meta.app_label in APPS and model._meta.managed:
            yield from (constraint.name for constraint in model._meta.constraints)
            unique = (column for column in model._meta.concrete_fields if column.unique and not column.primary_key)
            yield from (f"{model.__name__}.{column.name}" for column in unique)


def test_every_constraint_has_a_line_and_every_line_a_constraint() -> None:
    assert sorted(declared()) == sorted(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_the_database_refuses_what_cannot_be(house: House, name: str) -> None:
    fine, refused = KEPT[name]
    for make in fine:
        make(house)
    with pytest.raises(IntegrityError), transaction.atomic():
        refused(house)


def test_an_alert_about_nothing_is_refused(house: House) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        alert()(house)


ACTIVITIES: list[tuple[type[models.Model], Pairs, Any]] = [
    (Email, EMAIL_PAIRS, EmailStatus),
    (Appointment, APPOINTMENT_PAIRS, AppointmentStatus),
    (RecurringAppointmentMaster, APPOINTMENT_PAIRS, AppointmentStatus),
    (Task, TASK_PAIRS, TaskStatus),
    (PhoneCall, PHONE_CALL_PAIRS, PhoneCallStatus),
    (Letter, LETTER_PAIRS, LetterStatus),
    (Fax, FAX_PAIRS, FaxStatus),
]


@pytest.mark.parametrize(("model", "pairs", "statuses"), ACTIVITIES, ids=[one[0].__name__ for one in ACTIVITIES])
def test_exactly_the_pairs_of_the_table_are_kept(house: House, model: Any, pairs: Pairs, statuses: Any) -> None:
    more = {"message_id_dup_check": uuid.uuid4()} if model is Email else {}
    row = activity(model, **more)(house)
    for state in ActivityState:
        for status in statuses:
            rows = model.objects.filter(pk=row.pk)
            if status in pairs.get(state, ()):
                assert rows.update(state_code=state, status_code=status) == 1
                continue
            with pytest.raises(IntegrityError), transaction.atomic():
                rows.update(state_code=state, status_code=status)


RANGES = [
    ("incoming_port_number", 65536, 65537),
    ("outgoing_port_number", 65536, 65537),
    ("min_polling_interval_in_minutes", 1440, 1441),
    ("timeout_mailbox_connection_after_amount", 100_000, 100_001),
    ("max_concurrent_connections", 1, 0),
]


@pytest.mark.parametrize(("column", "good", "bad"), RANGES, ids=[one[0] for one in RANGES])
def test_numbers_of_a_profile_stay_in_their_range(house: House, column: str, good: int, bad: int) -> None:
    setattr(house.profile, column, good)
    house.profile.clean_fields()
    setattr(house.profile, column, bad)
    with pytest.raises(ValidationError) as refused:
        house.profile.clean_fields()
    assert set(refused.value.message_dict) == {column}
