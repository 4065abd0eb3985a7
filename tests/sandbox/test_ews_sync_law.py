"""The law of synchronization: whoever applies every page in order ends with exactly what the folder holds."""

from __future__ import annotations

import asyncio
import base64

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from serversync.sandbox.ews.server import Face
from serversync.sandbox.ews.wire import HttpRequest
from serversync.sandbox.store import MailboxStore, World

ALICE = "alice@us.test"
CREDENTIALS = base64.b64encode(f"{ALICE}:secret".encode()).decode()
NAMES = {
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
}
REQUEST = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{m}" xmlns:t="{t}"><s:Body>
<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>
<t:AdditionalProperties><t:FieldURI FieldURI="message:IsRead"/></t:AdditionalProperties></m:ItemShape>
<m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>{state}
<m:MaxChangesReturned>{size}</m:MaxChangesReturned></m:SyncFolderItems></s:Body></s:Envelope>"""


class Mirror:
    """A client that keeps the ids and read flags of an inbox by applying what SyncFolderItems says."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.state = ""
        self.items: dict[str, bool] = {}

    def turn_page(self, size: int) -> bool:
        """Apply one page; True if it was the last."""
        state = f"<m:SyncState>{self.state}</m:SyncState>" if self.state else ""
        body = REQUEST.format(state=state, size=size, **NAMES).encode()
        request = HttpRequest("POST", "/EWS/Exchange.asmx", {"authorization": f"Basic {CREDENTIALS}"}, body)
        answer = etree.fromstring(asyncio.run(self.face.answer(request)).body)
        changes = answer.findall(".//m:Changes/*", NAMES)
        assert len(changes) <= size
        for change in changes:
            self._apply(change)
        before, self.state = self.state, answer.findtext(".//m:SyncState", "", NAMES)
        last = answer.findtext(".//m:IncludesLastItemInRange", "", NAMES) == "true"
        assert last or self.state != before
        return last

    def _apply(self, change: etree._Element) -> None:
        key = change.find(".//t:ItemId", NAMES).get("Id")
        kind = etree.QName(change).localname
        if kind == "Delete":
            self.items.pop(key, None)
            return
        assert (key in self.items) == (kind != "Create"), f"{kind} of {key}"
        self.items[key] = change.findtext(".//t:IsRead", "", NAMES) == "true"


def act(mailbox: MailboxStore, action: str, number: int) -> None:
    """One thing that can happen in the inbox; `number` chooses the item it happens to."""
    items = list(mailbox.folder("inbox").items.values())
    away = list(mailbox.folder("junkemail").items.values())
    if action == "deliver":
        mailbox.deliver(b"Subject: x\r\n\r\n")
    elif action == "move back" and away:
        mailbox.move(away[number % len(away)], "inbox")
    elif items:
        item = items[number % len(items)]
        if action == "delete":
            mailbox.delete(item)
        elif action == "move away":
            mailbox.move(item, "junkemail")
        elif action == "categorize":
            mailbox.update(item, categories=["Blue"])
        elif action == "read":
            mailbox.update(item, is_read=not item.is_read)


ACTIONS = st.tuples(
    st.sampled_from(["deliver", "deliver", "delete", "move away", "move back", "categorize", "read", "page"]),
    st.integers(0, 9),
)


@given(st.lists(ACTIONS, max_size=40), st.integers(1, 4))
def test_a_client_that_applies_every_page_has_what_the_folder_holds(actions: list[tuple[str, int]], size: int) -> None:
    world = World()
    mailbox = world.add_account(ALICE, "secret")
    mirror = Mirror(Face(world))
    for action, number in actions:
        if action == "page":
            mirror.turn_page(size)
        else:
            act(mailbox, action, number)
    while not mirror.turn_page(size):
        pass
    assert mirror.items == {key: item.is_read for key, item in mailbox.folder("inbox").items.items()}
    state = mirror.state
    assert mirror.turn_page(size)
    assert mirror.state == state
