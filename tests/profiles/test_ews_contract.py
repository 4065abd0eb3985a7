"""What the EWS connector takes for granted of the inner parts of exchangelib, requests and urllib3.

A new version that breaks one of these breaks it here first, with a name.
"""

from __future__ import annotations

import inspect
import threading
from dataclasses import replace
from queue import LifoQueue

import pytest
import requests
import urllib3
from exchangelib import Account, errors
from exchangelib.protocol import BaseProtocol, CachingProtocol
from exchangelib.services.common import EWSAccountService, EWSService
from exchangelib.util import to_xml
from requests.adapters import HTTPAdapter

from profiles.connectors.ews import operations, session, wire
from profiles.connectors.ews.meanings import BY_CODE, MEANINGS
from profiles.connectors.ews.session import EndpointProtocol, EwsSession, Login
from profiles.items import no_progress
from tests.profiles.exchange import access

URL = "https://mail.us.test/EWS/Exchange.asmx"


@pytest.fixture
def account() -> Account:
    opened = EwsSession(access(URL), no_progress).new(operations.GetItem).account
    yield opened
    CachingProtocol.clear_cache()


def test_an_account_finds_our_protocol_in_the_cache(account: Account) -> None:
    assert type(account.protocol) is EndpointProtocol
    assert account.protocol in EndpointProtocol.alive
    assert (URL, account.protocol.credentials) in CachingProtocol._protocol_cache
    assert isinstance(CachingProtocol._protocol_cache_lock, type(threading.Lock()))


def test_everything_in_a_login_tells_protocols_apart() -> None:
    first = Login(access(URL))
    assert first == Login(access(URL))
    assert hash(first) == hash(Login(access(URL)))
    for change in ({"password": "x"}, {"ca_file": "x"}, {"timeout": 1.0}, {"max_connections": 1}):
        assert first != Login(replace(access(URL), **change))


def test_a_protocol_that_starts_afresh_has_the_parts_of_a_new_one(account: Account) -> None:
    parts = {"_session_pool": LifoQueue, "_session_pool_size": int, "_session_pool_lock": type(threading.Lock())}
    for name, kind in parts.items():
        assert isinstance(getattr(account.protocol, name), kind)
    held = account.protocol.get_session()
    account.protocol.release_session(held)
    assert account.protocol.session_pool_size == 1
    account.protocol.start_afresh()
    assert account.protocol.session_pool_size == 0
    assert account.protocol.get_session() is not held


def test_a_session_uses_our_adapter_and_no_proxy_of_the_environment(account: Account) -> None:
    made = account.protocol.get_session()
    assert isinstance(made.get_adapter(URL), wire.EndpointAdapter)
    assert made.trust_env is False
    assert made.auth.password == access(URL).password.encode()
    assert BaseProtocol.HTTP_ADAPTER_CLS is HTTPAdapter  # nothing is changed for the whole process


def test_an_account_speaks_the_pinned_version_and_utc(account: Account) -> None:
    assert account.version.api_version == session.VERSION.api_version == "Exchange2013_SP1"
    assert account.default_timezone.key == "UTC"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        (EWSService._get_response, ["self", "payload", "api_version"]),
        (EWSService._get_soap_messages, ["self", "body"]),
        (EWSService._get_element_container, ["self", "message", "name"]),
        (EWSService._get_soap_parts, ["response"]),
        (urllib3.connection.HTTPConnection._new_conn, ["self"]),
        (HTTPAdapter.cert_verify, ["self", "conn", "url", "verify", "cert"]),
    ],
)
def test_inner_methods_take_what_we_give_them(method: object, arguments: list[str]) -> None:
    assert list(inspect.signature(method).parameters) == arguments  # type: ignore[arg-type]


def test_a_service_knows_its_version_and_takes_a_timeout(account: Account) -> None:
    service = operations.GetItem(account=account, timeout=7)
    assert service._version_hint is account.version
    assert service.timeout == 7
    assert isinstance(service, EWSAccountService)


def test_a_forgiving_parser_would_take_half_an_envelope() -> None:
    assert to_xml(b"<?xml version='1.0'?><s><a>hal").getroot().findtext("a") == "hal"


def test_exchangelib_reads_answers_byte_by_byte_unless_it_is_given_blocks() -> None:
    assert inspect.signature(requests.Response.iter_content).parameters["chunk_size"].default == 1
    response = wire.BlockResponse()
    response._content, response._content_consumed = b"x" * 100_000, True
    assert [len(block) for block in response.iter_content()] == [65536, 34464]


def test_the_codes_we_know_are_those_of_exchange() -> None:
    assert [code for code in BY_CODE if not hasattr(errors, code)] == []
    assert sum(map(len, MEANINGS.values())) == len(BY_CODE)  # none means two things


def test_connections_are_of_our_own_kind(account: Account) -> None:
    adapter = wire.EndpointAdapter(access(URL))
    pool = adapter.poolmanager.connection_from_url(URL)
    assert pool.ConnectionCls.__name__ == "Guarded"
    assert issubclass(pool.ConnectionCls, urllib3.connection.HTTPSConnection)
    assert pool.conn_kw["ssl_context"] is wire.trust("")
