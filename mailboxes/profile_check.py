"""Testing how a profile reaches its server, with the credentials of one mailbox or its own (2.14)."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import datetime

from mailboxes.access import AccessIncomplete
from mailboxes.discovery import discovered_now
from mailboxes.models import Leg, Mailbox
from profiles.connectors.base import ConnectorError
from profiles.items import Access
from profiles.models import CredentialRetrieval, EmailServerProfile
from profiles.probing import LONGEST_WAIT, CannotTry, Tried, as_trace, try_out, verdict
from profiles.secrets import KeyUnavailable, Sealed, SealedField

DIRECTIONS = {"Incoming": Leg.INCOMING, "Outgoing": Leg.OUTGOING}
BY_USER_OR_QUEUE = CredentialRetrieval.SPECIFIED_BY_USER_OR_QUEUE


class UnknownMailbox(Exception):
    """There is no mailbox with the address; `str()` says so."""


def mailbox_called(address: str) -> Mailbox | None:
    """The mailbox whose credentials shall be used; None for an empty address. Raises UnknownMailbox."""
    if not address.strip():
        return None
    found = Mailbox.objects.filter(email_address__iexact=address.strip()).first()
    if found is None:
        raise UnknownMailbox(f"There is no mailbox with the address {address.strip()}.")
    return found


def check(profile: EmailServerProfile, mailbox: Mailbox | None) -> list[Tried]:
    """Try both directions as the profile stands, saved or not. Writes nothing; sends no mail; takes seconds."""
    return try_out({direction: _access_of(profile, mailbox, leg) for direction, leg in DIRECTIONS.items()})


def remember(profile: EmailServerProfile, tried: list[Tried], started: datetime) -> None:
    """Keep a test of the saved profile, for all who look at it later."""
    EmailServerProfile.objects.filter(pk=profile.pk).update(
        last_test_start_time=started, last_test_execution_status=verdict(tried), last_test_trace=as_trace(tried)
    )


def _access_of(profile: EmailServerProfile, mailbox: Mailbox | None, leg: Leg) -> Callable[[], Access]:
    def access() -> Access:
        tested = copy(profile)
        longest = int(1000 * LONGEST_WAIT)  # somebody waits for the answer
        tested.timeout_mailbox_connection = True
        tested.timeout_mailbox_connection_after_amount = min(profile.timeout_mailbox_connection_after_amount, longest)
        for column in ("incoming_password", "outgoing_password"):  # of a profile that was never saved, plain text
            setattr(tested, column, SealedField().to_python(getattr(tested, column)))
        who = mailbox
        if who is None:
            _without_a_mailbox(tested)
            who = Mailbox(email_address=_own_address(tested), password=Sealed(""))
        who.email_server_profile = tested
        try:
            return discovered_now(who, leg)
        except (AccessIncomplete, KeyUnavailable) as error:
            raise CannotTry(str(error)) from error
        except ConnectorError as error:  # 2.7
            told = (f"{part.rstrip('.')}." for part in (str(error), error.words, error.remedy) if part)
            raise CannotTry(" ".join(told)) from error

    return access


def _without_a_mailbox(profile: EmailServerProfile) -> None:
    """Without a mailbox the way is tested, but nobody signs in where each mailbox has its own credentials."""
    for side in ("incoming", "outgoing"):
        if getattr(profile, f"{side}_credential_retrieval") == BY_USER_OR_QUEUE:
            setattr(profile, f"{side}_credential_retrieval", CredentialRetrieval.WITHOUT_CREDENTIALS)


def _own_address(profile: EmailServerProfile) -> str:
    """An account's own mailbox, if its name is an address; impersonation needs a mailbox to act as."""
    return profile.incoming_username if "@" in profile.incoming_username else ""
