"""The page of an email that is being written, used as a browser without scripts does: open it, fill it in, press a button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lxml.html
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mailboxes.models import Mailbox
from tracking.crm.models import Email


def browser_of(mailbox: Mailbox) -> Client:
    """The browser of the user whose mailbox it is."""
    client = Client()
    client.force_login(mailbox.regarding_user)  # type: ignore[arg-type]
    return client


class Letter:
    """The form as it was opened. `fields` can be changed before a button is pressed; `answer` is what came back last."""

    def __init__(self, client: Client, address: str) -> None:
        self.client, self.address = client, address
        self._read(client.get(address))

    def _read(self, answer: Any) -> None:
        self.answer = answer
        assert answer.status_code in (200, 422), f"{answer.status_code} for {self.address}"
        (form,) = lxml.html.fromstring(answer.content).xpath("//form[@data-ss-letter]")
        self.fields: dict[str, Any] = {}
        for name, value in form.form_values():
            self.fields.setdefault(name, []).append(value)

    @property
    def page(self) -> str:
        return str(self.answer.content.decode())

    @property
    def problems(self) -> list[str]:
        """What the page says is wrong."""
        return [str(one) for errors in self.answer.context["form"].errors.values() for one in errors]

    @property
    def files(self) -> list[str]:
        """The names of the files that go along."""
        return [file.name for file in self.answer.context["files"]]

    def press(self, button: str, files: Sequence[tuple[str, bytes]] = (), **changes: Any) -> Letter:
        """Press “Send” or “Save draft”; the page that follows is open then, a form or the email."""
        data = self.fields | changes | {"do": button}
        data["files"] = [SimpleUploadedFile(name, content) for name, content in files]
        answer: Any = self.client.post(self.address, {name: value for name, value in data.items() if value != []})
        if answer.status_code == 422:
            self._read(answer)
            return self
        assert answer.status_code == 302, answer.status_code
        self.address = answer.headers["Location"]
        self.answer = self.client.get(self.address)
        if b"data-ss-letter" in self.answer.content:
            self._read(self.answer)
        return self

    def send(self, files: Sequence[tuple[str, bytes]] = (), **changes: Any) -> Email:
        """Press “Send”, which must work; the email."""
        self.press("send", files, **changes)
        said = [str(one) for one in self.answer.context["messages"]]
        assert self.address.startswith("/mailbox/email/"), said or self.problems
        return Email.objects.get(pk=self.address.split("/")[3])

    def save(self, files: Sequence[tuple[str, bytes]] = (), **changes: Any) -> Email:
        """Press “Save draft”, which must work; the draft."""
        self.press("save", files, **changes)
        assert self.address.endswith("/edit/"), self.problems
        return Email.objects.get(pk=self.address.split("/")[2])
