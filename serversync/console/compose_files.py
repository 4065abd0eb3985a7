"""The files of an email that is being written. They are kept from the first time they are uploaded: the page names each by
a signed word, so that a form with a mistake in it loses none, and nobody names a file that is not theirs."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.core.files.uploadedfile import UploadedFile

from mailboxes.policy import Policy
from serversync.console.reading import may_read
from tracking.crm.answering import as_new
from tracking.crm.attachments import content_of
from tracking.crm.models import ActivityMimeAttachment
from tracking.crm.storage import read, store
from tracking.crm.writing import NewAttachment
from tracking.keep.contents import left_out_because

LONGEST_NAME = 255
MOST = 100  # files of one email
_SALT = "files of an email that is being written"


@dataclass(frozen=True, slots=True)
class File:
    """One file as the form shows it: `word` names it until the email is saved."""

    word: str
    name: str
    mime_type: str
    size: int
    content_id: str = ""


def from_email(attachments: Iterable[ActivityMimeAttachment], user: Any) -> list[File]:
    """The attachments of a draft, or of an email that is passed on."""
    return [_kept(one, user) for one in attachments]


def _kept(one: ActivityMimeAttachment, user: Any) -> File:
    shown = as_new(one, b"").content_id
    if one.blob_id is not None:
        word = _sign(["blob", one.blob_id, one.file_name, one.mime_type, shown], user)
    else:
        word = _sign(["part", str(one.email_id), one.attachment_number], user)
    return File(word, one.file_name, one.mime_type, one.file_size, shown)


def take_in(uploads: Iterable[UploadedFile], policy: Policy, user: Any, now: datetime) -> tuple[list[File], list[str]]:
    """Keep what was uploaded; and a sentence for each file that may not go out (5.19)."""
    files, problems = [], []
    for upload in uploads:
        name = (upload.name or "file")[-LONGEST_NAME:]
        because = left_out_because(name, upload.size or 0, policy)
        if because:
            problems.append(f"“{name}” was not attached. {because}")
            continue
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        blob = store(upload.read(), now)
        blob.save()
        files.append(File(_sign(["blob", blob.pk, name, kind, ""], user), name, kind, blob.size))
    return files, problems


def named(words: Iterable[str], user: Any) -> tuple[list[tuple[File, NewAttachment]], list[str]]:
    """The files that these words name, with their contents; and a sentence for each that is not there any more."""
    found, problems = [], []
    for word in list(words)[:MOST]:
        try:
            found.append(_read(word, user))
        except (signing.BadSignature, FileNotFoundError, ActivityMimeAttachment.DoesNotExist):
            problems.append("A file of this email is not here any more. Choose it again.")
    return found, problems


def _read(word: str, user: Any) -> tuple[File, NewAttachment]:
    kind, key, *more = signing.loads(word, salt=_salt(user))
    if kind == "blob":
        name, mime_type, content_id = more
        content = read(key)
        file = File(word, name, mime_type, len(content), content_id)
        return file, NewAttachment(name, mime_type, content, content_id)
    one = ActivityMimeAttachment.objects.select_related("email").get(email_id=key, attachment_number=more[0])
    if not may_read(user, one.email_id):
        raise FileNotFoundError("it is not theirs to read any more")
    new = as_new(one, content_of(one))
    return File(word, one.file_name, one.mime_type, one.file_size, new.content_id), new


def too_large(files: Iterable[File], policy: Policy) -> str:
    """Why these files do not go out together; "" if they do. Encoded for mail they grow by a third."""
    size = sum(file.size for file in files) * 4 // 3
    if size <= policy.maximum_message_size:
        return ""
    limit, is_now = policy.maximum_message_size / 1024**2, size / 1024**2
    return f"All files together are too large: {is_now:,.1f} MB as they are sent, and at most {limit:,.1f} MB may be."


def _sign(what: list[Any], user: Any) -> str:
    return signing.dumps(what, salt=_salt(user))


def _salt(user: Any) -> str:
    return f"{_SALT}, of {user.pk}"
