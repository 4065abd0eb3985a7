"""What does not go together in a profile is refused with a sentence that says what to change (1.10, 2.2–2.10)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.encryption import USUAL_PORTS, misfit, tls_of
from profiles.forms import EmailServerProfileForm
from profiles.items import Tls, Transport
from profiles.models import EmailServerProfile
from profiles.presets import PRESETS, Preset
from profiles.validation import problems, warnings

POP3: dict[str, Any] = {
    "name": "Mail",
    "server_type": 1,
    "state_code": 0,
    "incoming_server_location": "pop.us.test",
    "incoming_port_number": 995,
    "incoming_tls": "implicit",
    "incoming_credential_retrieval": 0,
    "incoming_authentication_protocol": 0,
    "use_same_settings_for_outgoing_connections": False,
    "outgoing_server_location": "smtp.us.test",
    "outgoing_port_number": 587,
    "outgoing_tls": "starttls",
    "outgoing_credential_retrieval": 0,
    "outgoing_authentication_protocol": 0,
    "min_polling_interval_in_minutes": 0,
    "max_concurrent_connections": 10,
    "timeout_mailbox_connection": True,
    "timeout_mailbox_connection_after_amount": 30_000,
}
EXCHANGE = {
    **POP3,
    "server_type": 0,
    "incoming_server_location": "https://mail.us.test/EWS/Exchange.asmx",
    "incoming_port_number": None,
    "use_same_settings_for_outgoing_connections": True,
    "incoming_credential_retrieval": 1,
    "incoming_username": "sync@us.test",
    "incoming_use_impersonation": True,
}
GOOD = [
    POP3,
    EXCHANGE,
    EXCHANGE | {"incoming_server_location": "mail.us.test"},
    EXCHANGE | {"incoming_server_location": "http://mail.us.test/EWS/Exchange.asmx", "incoming_tls": "none"},
    EXCHANGE | {"incoming_use_impersonation": False, "incoming_username": "US\\sync"},
    POP3 | {"incoming_tls": "starttls", "incoming_port_number": 110},
    POP3 | {"incoming_tls": "implicit", "incoming_port_number": 8995},
    POP3 | {"incoming_tls": "starttls", "incoming_port_number": 2110},
    POP3 | {"outgoing_tls": "implicit", "outgoing_port_number": 2465},
    EXCHANGE | {"use_auto_discover": True, "incoming_server_location": ""},
    POP3 | {"outgoing_tls": "implicit", "outgoing_port_number": 465},
    POP3 | {"outgoing_tls": "none", "outgoing_port_number": 2525},
    POP3 | {"outgoing_credential_retrieval": 4},
    POP3 | {"incoming_server_location": "192.0.2.7"},
    POP3 | {"incoming_port_number": None, "outgoing_port_number": None},
    POP3 | {"use_same_settings_for_outgoing_connections": True, "outgoing_server_location": ""},
]
BAD = [
    (POP3 | {"server_type": 4}, "server_type", "Other (POP3/SMTP)"),
    (POP3 | {"incoming_server_location": ""}, "incoming_server_location", "host name"),
    (POP3 | {"outgoing_server_location": ""}, "outgoing_server_location", "smtp.example.com"),
    (POP3 | {"incoming_server_location": "https://pop.us.test/"}, "incoming_server_location", "alone"),
    (POP3 | {"incoming_server_location": "pop.us.test:995"}, "incoming_server_location", "own field"),
    (POP3 | {"incoming_server_location": "pop us test"}, "incoming_server_location", "alone"),
    (POP3 | {"incoming_port_number": 65536}, "incoming_port_number", "65535"),
    (POP3 | {"incoming_port_number": 0}, "incoming_port_number", "from 1"),
    (POP3 | {"incoming_credential_retrieval": 4}, "incoming_credential_retrieval", "without credentials"),
    (POP3 | {"incoming_credential_retrieval": 5}, "incoming_credential_retrieval", "not supported yet"),
    (POP3 | {"incoming_credential_retrieval": 1}, "incoming_username", "Enter the user name"),
    (POP3 | {"send_email_alert": True}, "owner_email_address", "Enter the address"),
    (EXCHANGE | {"incoming_server_location": ""}, "incoming_server_location", "EWS address"),
    (EXCHANGE | {"incoming_server_location": "ftp://mail.us.test"}, "incoming_server_location", "looks like"),
    (EXCHANGE | {"incoming_server_location": "https://"}, "incoming_server_location", "looks like"),
    (EXCHANGE | {"incoming_server_location": "http://mail.us.test/"}, "incoming_server_location", "https://"),
    (EXCHANGE | {"incoming_server_location": "https://a:b@mail.us.test/"}, "incoming_server_location", "Leave"),
    (EXCHANGE | {"incoming_tls": "starttls"}, "incoming_tls", "TLS from the start"),
    (EXCHANGE | {"incoming_username": "US\\sync"}, "incoming_username", "DOMAIN"),
    (EXCHANGE | {"incoming_credential_retrieval": 0}, "incoming_use_impersonation", "turn this off"),
]
WARNED = [
    (POP3 | {"incoming_tls": "starttls"}, "incoming_port_number", "Port 995 begins with TLS"),
    (POP3 | {"incoming_tls": "none"}, "incoming_port_number", "Choose “TLS from the start”"),
    (POP3 | {"incoming_port_number": 110}, "incoming_port_number", "Port 110 begins in clear"),
    (POP3 | {"outgoing_tls": "implicit"}, "outgoing_port_number", "Choose STARTTLS"),
    (
        POP3 | {"outgoing_tls": "implicit", "outgoing_port_number": 25},
        "outgoing_port_number",
        "Port 25 begins in clear",
    ),
    (POP3 | {"outgoing_port_number": 465}, "outgoing_port_number", "Port 465 begins with TLS"),
]


@pytest.mark.parametrize("values", GOOD)
def test_what_fits_is_accepted(values: dict[str, Any]) -> None:
    assert list(problems(values)) == []
    assert list(warnings(values)) == []


@pytest.mark.parametrize(("values", "field", "words"), WARNED)
def test_a_port_that_surely_begins_otherwise_is_said_and_not_refused(
    db: None, values: dict[str, Any], field: str, words: str
) -> None:
    form = EmailServerProfileForm({key: value for key, value in values.items() if value is not False})
    assert form.is_valid(), form.errors
    [(name, sentence)] = form.warnings()
    assert (name, words in sentence) == (field, True)
    shared = form.cleaned_data | {"use_same_settings_for_outgoing_connections": True}
    assert [name for name, _ in warnings(shared)] == [field] * (field == "incoming_port_number")


@pytest.mark.parametrize(("values", "field", "words"), BAD)
def test_what_does_not_fit_is_refused_at_its_field(
    values: dict[str, Any], field: str, words: str
) -> None:  # 1.11, 2.1, 2.13
    assert [name for name, sentence in problems(values) if words in sentence] == [field]


@pytest.mark.parametrize(("values", "field", "words"), BAD)
def test_the_form_shows_the_same_sentence(db: None, values: dict[str, Any], field: str, words: str) -> None:
    form = EmailServerProfileForm({key: value for key, value in values.items() if value is not None})
    assert not form.is_valid()
    assert field in form.errors


@pytest.mark.parametrize("values", GOOD)
def test_a_saved_form_shows_again_what_was_entered(db: None, values: dict[str, Any]) -> None:
    form = EmailServerProfileForm(
        {key: value for key, value in values.items() if value is not None and value is not False}
    )
    assert form.is_valid(), form.errors
    saved = EmailServerProfile.objects.get(pk=form.save().pk)
    again = EmailServerProfileForm(instance=saved)
    assert again.get_initial_for_field(again.fields["incoming_tls"], "incoming_tls") == values["incoming_tls"]
    if not values["use_same_settings_for_outgoing_connections"]:
        assert again.get_initial_for_field(again.fields["outgoing_tls"], "outgoing_tls") == values["outgoing_tls"]


def test_usual_ports_are_filled_in(db: None) -> None:
    empty = POP3 | {"incoming_port_number": "", "outgoing_port_number": "", "outgoing_tls": "implicit"}
    empty.pop("use_same_settings_for_outgoing_connections")
    form = EmailServerProfileForm(empty)
    assert form.is_valid(), form.errors
    assert (form.instance.incoming_port_number, form.instance.outgoing_port_number) == (995, 465)
    assert form.instance.outgoing_use_ssl


@given(st.sampled_from([Transport.POP3, Transport.SMTP]), st.sampled_from(list(Tls)))
def test_a_usual_port_means_its_encryption(transport: Transport, tls: Tls) -> None:
    assert tls_of(transport, tls is not Tls.NONE, USUAL_PORTS[transport, tls]) is tls
    assert misfit(tls, USUAL_PORTS[transport, tls]) == ""


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_a_well_known_server_is_filled_in_or_refused_with_a_reason(preset: Preset) -> None:
    if preset.refused:
        assert preset.initial() == {"name": preset.name}
        return
    wrong = [field for field, _ in problems(POP3 | preset.initial())]
    assert wrong == ([] if preset.receiving else wrong)
    if preset.receiving is None:
        assert preset.note
