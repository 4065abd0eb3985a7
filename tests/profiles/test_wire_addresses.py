"""Addresses as servers are told them: RFC 5321, RFC 5890, RFC 6531."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.connectors.mime import wire_address

TOLD = [
    ("Ann@Acme.Test", "Ann@Acme.Test"),
    ("ann@bücher.test", "ann@xn--bcher-kva.test"),
    ("ann@BÜCHER.test", "ann@xn--bcher-kva.test"),
    ("ann@straße.test", "ann@xn--strae-oqa.test"),  # IDNA 2003 would write to strasse.test
    ("grüße@bücher.test", "grüße@bücher.test"),  # needs SMTPUTF8 anyway
    ('"a b"@acme.test', '"a b"@acme.test'),
    ("ann@a_b.test", "ann@a_b.test"),
    ("ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]"),
]


@pytest.mark.parametrize(("address", "told"), TOLD)
def test_a_domain_is_told_in_the_letters_that_every_server_knows(address: str, told: str) -> None:
    assert wire_address(address) == told
    assert wire_address(told) == told


SNEAKY = st.text(alphabet='ab.-"\\ \t\r\n\0<>@,;:[]()üß\u2028', max_size=12)


@given(SNEAKY, SNEAKY)
def test_whatever_is_told_is_one_address_and_what_is_refused_one_line(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    try:
        told = wire_address(text)
    except ValueError as error:
        told, outside = "", str(error)
    else:
        outside = told.rpartition('"')[2]  # spaces and brackets may stand between quotation marks
        assert told.count("@") == 1 or told.startswith('"')
        assert not set(outside) & set(" <>,;()")
    assert (told or outside).isprintable()
