"""exchangelib as the tests drive it: version and authentication pinned, failing fast, folders known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exchangelib import BASIC, DELEGATE, IMPERSONATION, Account, Configuration, Credentials, EWSTimeZone, FailFast
from exchangelib.folders import Inbox, Root
from exchangelib.properties import DistinguishedFolderId, Mailbox
from exchangelib.services import SyncFolderItems
from exchangelib.services.common import EWSAccountService
from exchangelib.version import Build, Version

EXCHANGE_2016 = Version(build=Build(15, 2, 1544, 4), api_version="Exchange2016")


@dataclass(frozen=True)
class Page:
    """One page of SyncFolderItems."""

    changes: list[tuple[str, Any]]
    state: str
    last: bool


class PatientSync(SyncFolderItems):
    """SyncFolderItems whose error answers need no state."""

    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        if message.get("ResponseClass") != "Success":
            return EWSAccountService._get_element_container(self, message=message, name=name)
        return super()._get_element_container(message=message, name=name)


def account(url: str, address: str, user: str, password: str = "secret", *, impersonate: bool = True) -> Account:
    """The mailbox of `address`, opened by `user`."""
    config = Configuration(
        service_endpoint=url,
        credentials=Credentials(user, password),
        auth_type=BASIC,
        version=EXCHANGE_2016,
        retry_policy=FailFast(),
        max_connections=3,
    )
    return Account(
        address,
        config=config,
        access_type=IMPERSONATION if impersonate else DELEGATE,
        autodiscover=False,
        default_timezone=EWSTimeZone("UTC"),
    )


def inbox(owner: Account) -> Inbox:
    """The owner's inbox, without asking the server for it."""
    address = owner.primary_smtp_address

    def named(name: str) -> DistinguishedFolderId:
        return DistinguishedFolderId(id=name, mailbox=Mailbox(email_address=address))

    root = Root(account=owner, _distinguished_id=named("root"))
    return Inbox(root=root, _distinguished_id=named("inbox"))


def sync_pages(owner: Account, folder: Any, state: str | None = None, size: int = 100) -> Iterator[Page]:
    """The pages of changes since a state, up to the last one."""
    last = False
    while not last:
        service = PatientSync(account=owner)
        call = service.call(folder, "IdOnly", None, state, None, size, None)
        changes = list(call)
        state, last = service.sync_state, service.includes_last_item_in_range
        assert state
        yield Page(changes, state, last)


def sync(owner: Account, folder: Any, state: str | None = None) -> Page:
    """Everything since a state as one page."""
    pages = list(sync_pages(owner, folder, state))
    return Page([change for page in pages for change in page.changes], pages[-1].state, True)
