"""The EWS face below the level of client libraries: HTTP, envelopes and faults."""

from __future__ import annotations

import base64
import http.client

import pytest
from lxml import etree

from tests.world import SandboxProcess

ALICE = "alice@us.test"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{ALICE}:secret".encode()).decode()}
NAMES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}
ENVELOPE = '<s:Envelope xmlns:s="{s}" xmlns:m="{m}" xmlns:t="{t}"><s:Body>{body}</s:Body></s:Envelope>'
TOO_MANY = "<m:MaxChangesReturned>513</m:MaxChangesReturned>"
GET_INBOX = """<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
<m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>"""


@pytest.fixture
def sandbox(sandbox: SandboxProcess) -> SandboxProcess:
    sandbox.account(ALICE)
    return sandbox


@pytest.fixture
def connection(sandbox: SandboxProcess) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(sandbox.host, sandbox.ports["ews"], timeout=10)


def ask(
    connection: http.client.HTTPConnection, body: str | bytes, *, method: str = "POST", path: str = "/EWS/Exchange.asmx"
) -> tuple[http.client.HTTPResponse, bytes]:
    data = body if isinstance(body, bytes) else ENVELOPE.format(body=body, **NAMES).encode()
    connection.request(method, path, data, BASIC)
    answer = connection.getresponse()
    return answer, answer.read()


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    for _ in range(3):
        answer, body = ask(connection, GET_INBOX)
        assert answer.status == 200
        assert etree.fromstring(body).findtext(".//t:DisplayName", "", NAMES) == "Inbox"


def test_a_request_may_come_in_chunks(connection: http.client.HTTPConnection) -> None:
    data = ENVELOPE.format(body=GET_INBOX, **NAMES).encode()
    connection.request("POST", "/ews/exchange.asmx", iter([data[:50], data[50:]]), BASIC, encode_chunked=True)
    assert connection.getresponse().status == 200


def test_nobody_gets_in_without_credentials(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/EWS/Exchange.asmx", b"")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="sandbox"')


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/EWS/Exchange.asmx", 405), ("POST", "/autodiscover", 404)]
)
def test_other_requests_are_refused(
    connection: http.client.HTTPConnection, method: str, path: str, status: int
) -> None:
    assert ask(connection, b"", method=method, path=path)[0].status == status


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"this is not XML", "ErrorSchemaValidation"),
        (b"<html/>", "ErrorSchemaValidation"),
        ("<m:MakeCoffee/>", "ErrorInvalidOperation"),
        ("<m:GetItem/>", "ErrorSchemaValidation"),
        (f"<m:SyncFolderItems>{TOO_MANY}</m:SyncFolderItems>", "ErrorSchemaValidation"),
    ],
)
def test_what_cannot_be_understood_is_a_fault(
    connection: http.client.HTTPConnection, body: str | bytes, code: str
) -> None:
    answer, text = ask(connection, body)
    assert answer.status == 500
    assert etree.fromstring(text).findtext(".//e:ResponseCode", "", NAMES) == code


def test_a_document_type_is_refused_so_that_no_entity_is_expanded(connection: http.client.HTTPConnection) -> None:
    envelope = ENVELOPE.format(body=GET_INBOX.replace("Default", "&secret;"), **NAMES)
    data = f'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>{envelope}'.encode()
    answer, body = ask(connection, data)
    assert answer.status == 500
    assert etree.fromstring(body).findtext(".//e:ResponseCode", "", NAMES) == "ErrorSchemaValidation"


def test_a_busy_server_says_in_milliseconds_when_to_come_back(
    sandbox: SandboxProcess, connection: http.client.HTTPConnection
) -> None:
    sandbox.fault(effect="throttle", face="ews", operation="GetFolder", delay_seconds=2.5, times=1)
    answer, body = ask(connection, GET_INBOX)
    fault = etree.fromstring(body)
    assert answer.status == 500
    assert fault.findtext(".//e:ResponseCode", "", NAMES) == "ErrorServerBusy"
    assert fault.findtext(".//t:Value[@Name='BackOffMilliseconds']", "", NAMES) == "2500"


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
def test_a_planted_status_has_its_headers(
    sandbox: SandboxProcess, connection: http.client.HTTPConnection, status: int
) -> None:
    sandbox.fault(effect="status", face="ews", status=status, retry_after=7, code="ErrorServerBusy", times=1)
    answer, _ = ask(connection, GET_INBOX)
    assert (answer.status, answer.headers["Retry-After"], answer.headers["X-CasErrorCode"]) == (
        status,
        "7",
        "ErrorServerBusy",
    )
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_a_lost_state_is_answered_with_an_empty_one(
    sandbox: SandboxProcess, connection: http.client.HTTPConnection
) -> None:
    request = """<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
    <m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>{state}</m:SyncState>
    <m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>"""
    _, body = ask(connection, request.format(state=""))
    state = etree.fromstring(body).findtext(".//m:SyncState", "", NAMES)
    sandbox.lose_sync_state(ALICE)
    _, body = ask(connection, request.format(state=state))
    answer = etree.fromstring(body)
    assert answer.findtext(".//m:ResponseCode", "", NAMES) == "ErrorInvalidSyncStateData"
    assert answer.find(".//m:SyncState", NAMES).text is None
    assert answer.findtext(".//m:IncludesLastItemInRange", "", NAMES) == "true"
