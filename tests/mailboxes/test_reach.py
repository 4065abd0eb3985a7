"""How a leg reaches its server: encryption, port and address, from profile and mailbox together (2.6–2.8)."""

from __future__ import annotations

from typing import Any

import pytest

from mailboxes.access import AccessIncomplete
from mailboxes.models import Leg, Mailbox, MailboxLeg
from mailboxes.reach import access_to
from profiles.items import Tls
from tests.company import Company

ENCRYPTED = [  # what the profile says → encryption and port of receiving, and of sending
    ({"incoming_tls": "implicit"}, (Tls.IMPLICIT, 995), None),
    ({"incoming_tls": "starttls"}, (Tls.STARTTLS, 110), None),
    ({"incoming_tls": "starttls", "incoming_port_number": 2110}, (Tls.STARTTLS, 2110), None),
    ({"incoming_tls": "none"}, (Tls.NONE, 110), None),
    ({"outgoing_tls": "implicit"}, None, (Tls.IMPLICIT, 465)),
    ({"outgoing_tls": "implicit", "outgoing_port_number": 2465}, None, (Tls.IMPLICIT, 2465)),
    ({"outgoing_tls": "starttls"}, None, (Tls.STARTTLS, 587)),
    ({"outgoing_tls": "none"}, None, (Tls.NONE, 25)),
    # 2.8: the same host and account, never the same port
    ({"incoming_tls": "implicit", "incoming_port_number": 995, "same": True}, None, (Tls.STARTTLS, 587)),
    ({"incoming_tls": "none", "outgoing_tls": "implicit", "same": True}, None, (Tls.NONE, 25)),
]


@pytest.mark.parametrize(("columns", "receiving", "sending"), ENCRYPTED)
def test_encryption_and_port_of_each_direction(
    company: Company, columns: dict[str, Any], receiving: tuple[Tls, int] | None, sending: tuple[Tls, int] | None
) -> None:
    profile = company.pop3_profile()
    profile.incoming_port_number = profile.outgoing_port_number = None
    profile.use_same_settings_for_outgoing_connections = columns.get("same", False)
    for column, value in columns.items():
        setattr(profile, column, value)
    profile.save()
    alice = Mailbox.objects.get(pk=company.user("Alice", profile).pk)
    for leg, wanted in ((Leg.INCOMING, receiving), (Leg.OUTGOING, sending)):
        access = access_to(alice, leg)
        assert wanted is None or (access.tls, access.port) == wanted


def test_where_autodiscover_is_on_the_address_it_found_is_used(company: Company) -> None:  # 2.7
    profile = company.exchange_profile(use_auto_discover=True)
    alice = Mailbox.objects.get(pk=company.user("Alice", profile).pk)
    with pytest.raises(AccessIncomplete, match="Autodiscover has not found the Exchange server of this mailbox yet"):
        access_to(alice, Leg.INCOMING)

    MailboxLeg.objects.filter(mailbox=alice, leg=Leg.INCOMING).update(ews_url="https://found.test/EWS/Exchange.asmx")

    assert access_to(alice, Leg.INCOMING).url == "https://found.test/EWS/Exchange.asmx"
    alice.email_server_profile.use_auto_discover = False
    assert access_to(alice, Leg.INCOMING).url == company.sandbox.ews_url


def test_an_empty_location_is_enough_for_exchange_with_autodiscover_only(company: Company) -> None:
    profile = company.exchange_profile(use_auto_discover=True)
    profile.incoming_server_location = ""
    profile.save()
    alice = Mailbox.objects.get(pk=company.user("Alice", profile).pk)
    MailboxLeg.objects.filter(mailbox=alice).update(ews_url="https://found.test/EWS/Exchange.asmx")
    assert access_to(alice, Leg.OUTGOING).url == "https://found.test/EWS/Exchange.asmx"
    alice.email_server_profile.use_auto_discover = False
    with pytest.raises(AccessIncomplete, match="names no server"):
        access_to(alice, Leg.OUTGOING)
