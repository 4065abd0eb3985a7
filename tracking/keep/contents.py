"""What the whole of a message brings to its email: body, preview, kind, attachments. Builds, does not save."""

from __future__ import annotations

import json
from functools import lru_cache

from mailboxes.policy import Policy
from profiles.connectors import mime
from profiles.connectors.mime import Attachment, Envelope
from profiles.connectors.mime.filenames import ending_of
from tracking.crm.models import ActivityMimeAttachment, Email
from tracking.crm.models.states import Notifications
from tracking.decide.verdicts import Message

_LONGEST_HEADERS = 500  # 5.21
_LONGEST_VALUE = 200


def fill(email: Email, message: Message, parsed: mime.Message, policy: Policy) -> list[ActivityMimeAttachment]:
    """Set the columns that come from the content of the message, and give its attachments."""
    email.automatic_kind = int(mime.automatic_kind(message.envelope, message.report))
    email.internet_message_headers = told_headers(message.envelope)
    if message.is_truncated:  # 5.19
        email.description = only_the_header(message.size, policy.maximum_message_size)
        email.mime_type, email.notifications = "text/plain", Notifications.TRUNCATED_BODY
        return []
    email.description = parsed.html or parsed.text
    email.mime_type = "text/html" if parsed.html else "text/plain"
    email.preview = mime.preview_of(parsed.text, parsed.html)
    email.attachment_count = len(parsed.attachments)
    attachments = [_attachment(email, one, policy) for one in parsed.attachments]
    left_out = any(attachment.is_left_out for attachment in attachments)
    email.notifications = Notifications.SOME_ATTACHMENTS_NOT_SAVED if left_out else Notifications.NONE  # 5.19
    return attachments


def only_the_header(size: int, limit: int) -> str:
    """What stands for the body of a message that is too large."""
    return f"Only the header of this message is kept: it has {_megabytes(size)}, and at most {_megabytes(limit)} are taken."


def told_headers(envelope: Envelope) -> str:
    """5.21: Auto-Submitted and Reply-To as JSON of at most 500 characters; "" without either."""
    if not envelope.auto_submitted and not envelope.reply_to:
        return ""
    told = {
        "Auto-Submitted": envelope.auto_submitted[:_LONGEST_VALUE],
        "Reply-To": ", ".join(one.address for one in envelope.reply_to[:5])[:_LONGEST_VALUE],
    }
    text = json.dumps({name: value for name, value in told.items() if value}, ensure_ascii=False)
    return text if len(text) <= _LONGEST_HEADERS else "{}"  # only quotation marks and backslashes grow so much


def _attachment(email: Email, part: Attachment, policy: Policy) -> ActivityMimeAttachment:
    because = left_out_because(part.file_name, part.size, policy)
    return ActivityMimeAttachment(
        email_id=email.id,
        attachment_number=part.number,
        part_number=part.number,
        file_name=part.file_name[:255],
        mime_type=part.mime_type[:256],
        file_size=part.size,
        attachment_content_id=part.content_id[:250],
        is_inline=part.is_inline,
        is_left_out=bool(because),
        left_out_because=because,
    )


def left_out_because(name: str, size: int, policy: Policy) -> str:
    """Why an attachment is not to be had here, as a sentence; "" if it is (5.19). By its real ending, not the one shown."""
    ending = ending_of(name)
    if ending and ending in _blocked(policy.blocked_attachments):
        return f"Files that end in .{ending} are blocked, because they can do harm when they are opened."
    if size > policy.max_upload_file_size:
        return f"It has {_megabytes(size)}; at most {_megabytes(policy.max_upload_file_size)} are taken per file."
    return ""


@lru_cache(maxsize=8)
def _blocked(setting: str) -> frozenset[str]:
    return frozenset(word.strip(".,;").lower() for word in setting.replace(",", " ").replace(";", " ").split())


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:,.1f} MB" if size >= 1024**2 // 10 else f"{size:,} bytes"
