"""Option numbers are those of the entity model, so that somebody who knows Dynamics is at home."""

from __future__ import annotations

import pytest
from django.db.models import IntegerChoices

from mailboxes.models import (
    ActDeliveryMethod,
    Approval,
    IncomingDeliveryMethod,
    IncomingFilter,
    LegStatus,
    OutgoingDeliveryMethod,
    TraceLevel,
)
from profiles.models import AuthenticationProtocol, CredentialRetrieval, ServerType, StateCode
from tracking.crm.models import Email
from tracking.crm.models.appointments import InstanceType, PatternEndType, RecurrencePatternType
from tracking.crm.models.states import (
    ActivityState,
    AppointmentStatus,
    CorrelationMethod,
    EmailStatus,
    FaxStatus,
    LetterStatus,
    Notifications,
    PhoneCallStatus,
)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (IncomingDeliveryMethod, "NONE OUTLOOK SERVER_SIDE_SYNCHRONIZATION FORWARD_MAILBOX"),  # 1.1
        (OutgoingDeliveryMethod, "NONE OUTLOOK SERVER_SIDE_SYNCHRONIZATION"),  # 1.1
        (ActDeliveryMethod, "OUTLOOK SERVER_SIDE_SYNCHRONIZATION NONE"),  # 1.1: None is 2 here
        (  # 2.1
            ServerType,
            "EXCHANGE_SERVER OTHER_POP3_SMTP EXCHANGE_SERVER_HYBRID EXCHANGE_ONLINE_HYBRID IMAP_SMTP",
        ),
        (  # 2.2
            CredentialRetrieval,
            "SPECIFIED_BY_USER_OR_QUEUE SPECIFIED_IN_PROFILE SERVER_TO_SERVER WINDOWS_INTEGRATED "
            "WITHOUT_CREDENTIALS GMAIL_OAUTH HYBRID_MODERN_AUTH ENTRA_OAUTH",
        ),
        (AuthenticationProtocol, "AUTO_DETECT NEGOTIATE NTLM BASIC OAUTH"),  # 2.4
        (StateCode, "ACTIVE INACTIVE"),  # 2.1
        (Approval, "EMPTY APPROVED PENDING REJECTED"),  # 3.4
        (LegStatus, "NOT_RUN SUCCESS FAILURE"),  # 3.9
        (
            IncomingFilter,  # 5.4
            "ALL_MESSAGES RESPONSES_TO_OUR_MAIL FROM_LEADS_CONTACTS_ACCOUNTS FROM_EMAIL_ENABLED_RECORDS NO_MESSAGES",
        ),
        (Notifications, "NONE SOME_ATTACHMENTS_NOT_SAVED TRUNCATED_BODY"),  # 5.19
        (  # 6.1
            CorrelationMethod,
            "NONE SKIPPED X_HEADER IN_REPLY_TO TRACKING_TOKEN CONVERSATION_INDEX SMART_MATCHING CUSTOM",
        ),
        (ActivityState, "OPEN COMPLETED CANCELED SCHEDULED"),
        (InstanceType, "NOT_RECURRING MASTER INSTANCE EXCEPTION FUTURE_EXCEPTION"),  # 10.4
        (RecurrencePatternType, "DAILY WEEKLY MONTHLY YEARLY"),  # 10.4
    ],
)
def test_options_that_count_from_zero(options: type[IntegerChoices], numbers: str) -> None:
    assert {one.name: one.value for one in options} == {name: number for number, name in enumerate(numbers.split())}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (TraceLevel, "INFORMATION WARNING ERROR"),  # 4.8
        (EmailStatus, "DRAFT COMPLETED SENT RECEIVED CANCELED PENDING_SEND SENDING FAILED"),  # 7.1
        (AppointmentStatus, "FREE TENTATIVE COMPLETED CANCELED BUSY OUT_OF_OFFICE"),  # 10.3
        (PatternEndType, "NO_END_DATE OCCURRENCES PATTERN_END_DATE"),  # 10.4
        (PhoneCallStatus, "OPEN MADE CANCELED RECEIVED"),  # 10.7
        (LetterStatus, "OPEN DRAFT RECEIVED SENT CANCELED"),  # 10.7
        (FaxStatus, "OPEN COMPLETED SENT RECEIVED CANCELED"),  # 10.7
    ],
)
def test_options_that_count_from_one(options: type[IntegerChoices], numbers: str) -> None:
    assert {one.name: one.value for one in options} == {name: n for n, name in enumerate(numbers.split(), start=1)}


@pytest.mark.parametrize(("column", "size"), [("subject", 800), ("message_id", 320), ("conversation_index", 2048)])
def test_columns_have_their_sizes(column: str, size: int) -> None:  # 6.7
    assert Email._meta.get_field(column).max_length == size
