"""Failing on demand: who is struck, how often, and what is refused as nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from serversync.sandbox.faults import FaultError, Faults, address_fault


@pytest.mark.parametrize(
    ("address", "effect", "code"),
    [
        ("temperror@out.test", "throttle", "451"),
        ("bob.temperror@out.test", "throttle", "451"),
        ("PermError@out.test", "response", "550"),
        ("timeout-now@out.test", "hang", ""),
        ("refuse@out.test", "drop", ""),
        ("451@out.test", "throttle", "451"),
        ("421@out.test", "throttle", "421"),
        ("bob.554@out.test", "response", "554"),
    ],
)
def test_some_addresses_always_fail(address: str, effect: str, code: str) -> None:
    fault = address_fault(address)
    assert fault is not None
    assert (fault.effect, fault.code) == (effect, code)


@pytest.mark.parametrize(
    "address", ["alice@us.test", "room451@us.test", "350@us.test", "bob@temperror.test", "a5501@us.test"]
)
def test_ordinary_addresses_do_not_fail(address: str) -> None:
    assert address_fault(address) is None


@pytest.mark.parametrize(
    ("planted", "request_", "struck"),
    [
        ({}, ("ews", "GetItem", "alice@us.test"), True),
        ({"face": "pop3"}, ("pop3", "RETR", "alice@us.test"), True),
        ({"face": "pop3"}, ("smtp", "DATA", "alice@us.test"), False),
        ({"operation": "retr"}, ("pop3", "RETR", "alice@us.test"), True),
        ({"operation": "SyncFolderItems"}, ("ews", "SyncFolderItems", "alice@us.test"), True),
        ({"operation": "SyncFolderItems"}, ("ews", "GetItem", "alice@us.test"), False),
        ({"mailbox": "Alice@us.test"}, ("ews", "GetItem", "alice@US.test"), True),
        ({"mailbox": "alice@us.test"}, ("ews", "GetItem", "bob@us.test"), False),
    ],
)
def test_a_fault_strikes_whom_it_was_planted_for(
    planted: dict[str, Any], request_: tuple[str, str, str], struck: bool
) -> None:
    faults = Faults()
    faults.plant({"effect": "drop", **planted})
    assert (faults.match(*request_) is not None) == struck


def test_a_fault_lets_some_requests_pass_and_strikes_so_many_times() -> None:
    faults = Faults()
    faults.plant({"effect": "drop", "skip": 2, "times": 3})
    struck = [faults.match("pop3", "RETR", "alice@us.test") is not None for _ in range(7)]
    assert struck == [False, False, True, True, True, False, False]
    assert faults.planted == {}


def test_a_fault_without_a_number_stays_until_it_is_cleared() -> None:
    faults = Faults()
    faults.plant({"effect": "drop"})
    assert all(faults.match("pop3", "RETR", "alice@us.test") for _ in range(50))
    faults.clear()
    assert faults.match("pop3", "RETR", "alice@us.test") is None


def test_a_planted_fault_comes_before_the_address() -> None:
    faults = Faults()
    faults.plant({"effect": "drop", "times": 1})
    effects = [fault.effect for _ in range(2) if (fault := faults.match("smtp", "RCPT", "temperror@out.test"))]
    assert effects == ["drop", "throttle"]


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ({}, "effect must be one of"),
        ({"effect": "explode"}, "effect must be one of"),
        ({"effect": "drop", "status": 503}, "does not use status"),
        ({"effect": "drop", "face": "imap"}, "face must be one of"),
        ({"effect": "drop", "times": "often"}, "times cannot be 'often'"),
        ({"effect": "drop", "times": 0}, "at least 1"),
        ({"effect": "drop", "after_effect": "yes"}, "true or false"),
        ({"effect": "hang", "seconds": None}, "seconds cannot be None"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(description: dict[str, Any], says: str) -> None:
    with pytest.raises(FaultError, match=says):
        Faults().plant(description)


def test_a_fault_is_shown_with_the_fields_that_matter() -> None:
    shown = Faults().plant({"effect": "status", "status": 429, "retry_after": 7, "face": "ews"}).as_json()
    assert shown == {
        "id": "fault-1",
        "effect": "status",
        "face": "ews",
        "operation": "*",
        "mailbox": "*",
        "times": None,
        "skip": 0,
        "after_effect": False,
        "status": 429,
        "retry_after": 7,
        "code": "",
    }
