"""The files of an email that is being written. They are kept from the first time they are uploaded: the page names each by
a signed word, so that a form with a mistake in it loses none, and nobody names a file that is not theirs."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.core.files.uploadedfile import UploadedFile

from mailboxes.policy import Policy
from serversync.console.reading import may_read
from tracking.crm.answering import as_new
from tracking.crm.attachments import content_of
from tracking.crm.models import ActivityMimeAttachment, Blob
from tracking.crm.storage import read, store
from tracking.crm.writing import NewAttachment
from tracking.keep.contents import left_out_because

LONGEST_NAME = 255
MOST = 100  # files of one email
_GONE = (signing.BadSignature, FileNotFoundError, ActivityMimeAttachment.DoesNotExist, Blob.DoesNotExist)
_NOT_HERE = "A file of this email is not here any more. Choose it again."
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


def take_in(
    uploads: Iterable[UploadedFile], policy: Policy, user: Any, now: datetime, beside: Iterable[File] = ()
) -> tuple[list[File], list[str]]:
    """Keep what was uploaded; and a sentence for each file that may not go out (5.19), or not with those `beside` it. What
    is not kept is not read."""
    there, files, problems = list(beside), [], []
    for upload in uploads:
        name, size = (upload.name or "file")[-LONGEST_NAME:], upload.size or 0
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        because = left_out_because(name, size, policy) or _too_much([*there, File("", name, kind, size)], policy)
        if because:
            problems.append(f"“{name}” was not attached. {because}")
            continue
        blob = store(upload.read(), now)
        blob.save()
        files.append(File(_sign(["blob", blob.pk, name, kind, ""], user), name, kind, blob.size))
        there.append(files[-1])
    return files, problems


def named(words: Iterable[str], user: Any) -> tuple[list[tuple[File, NewAttachment]], list[str]]:
    """The files that these words name, with their contents; and a sentence for each that is not there any more."""
    files, problems = listed(words, user)
    found, lost = with_contents(files, user)
    return found, [*problems, *lost]


def listed(words: Iterable[str], user: Any) -> tuple[list[File], list[str]]:
    """The files that these words name, each once, without reading any; and a sentence for each that is not there any
    more."""
    found: dict[str, File] = {}
    problems = []
    for word in dict.fromkeys(words):
        try:
            what = signing.loads(word, salt=_salt(user))
            found.setdefault(str(what), _listed(word, what, user))
        except _GONE:
            problems.append(_NOT_HERE)
    return list(found.values()), problems


def with_contents(files: Iterable[File], user: Any) -> tuple[list[tuple[File, NewAttachment]], list[str]]:
    """The contents of listed files; and a sentence for each that is lost."""
    found, problems = [], []
    for file in files:
        try:
            found.append((file, _content(file, user)))
        except _GONE:
            problems.append(_NOT_HERE)
    return found, problems


def _listed(word: str, what: list[Any], user: Any) -> File:
    kind, key, *more = what
    if kind == "blob":
        name, mime_type, content_id = more
        return File(word, name, mime_type, Blob.objects.get(pk=key).size, content_id)
    one = _part(key, more[0])
    if not may_read(user, one.email_id):
        raise FileNotFoundError("it is not theirs to read any more")
    return File(word, one.file_name, one.mime_type, one.file_size, as_new(one, b"").content_id)


def _content(file: File, user: Any) -> NewAttachment:
    kind, key, *more = signing.loads(file.word, salt=_salt(user))
    content = read(key) if kind == "blob" else content_of(_part(key, more[0]))
    return NewAttachment(file.name, file.mime_type, content, file.content_id)


def _part(email_id: str, number: int) -> ActivityMimeAttachment:
    return ActivityMimeAttachment.objects.select_related("email").get(email_id=email_id, attachment_number=number)


def _too_much(files: Sequence[File], policy: Policy) -> str:
    return f"An email has at most {MOST} files." if len(files) > MOST else too_large(files, policy)


def too_large(files: Sequence[File], policy: Policy) -> str:
    """Why these files do not go out together; "" if they do. Encoded for mail they grow by a third."""
    if len(files) > MOST:
        return f"There are {len(files)} files; an email has at most {MOST}. Take some out."
    size = sum(file.size for file in files) * 4 // 3
    if size <= policy.maximum_message_size:
        return ""
    limit, is_now = policy.maximum_message_size / 1024**2, size / 1024**2
    return f"All files together are too large: {is_now:,.1f} MB as they are sent, and at most {limit:,.1f} MB may be."


def _sign(what: list[Any], user: Any) -> str:
    return signing.dumps(what, salt=_salt(user))


def _salt(user: Any) -> str:
    return f"{_SALT}, of {user.pk}"
