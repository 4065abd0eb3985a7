"""The content of attachments, wherever it lies."""

from __future__ import annotations

from profiles.connectors.mime import attachment_content
from tracking.crm.models import ActivityMimeAttachment
from tracking.crm.storage import read


def content_of(attachment: ActivityMimeAttachment) -> bytes:
    """The bytes of an attachment: its own blob, or a part of the email's original. Raises FileNotFoundError."""
    if attachment.blob_id is not None:
        return read(attachment.blob_id)
    original = attachment.email.original_id
    if original is None or attachment.part_number is None:
        raise FileNotFoundError("the attachment has neither a blob nor a part in an original")
    return attachment_content(read(original), attachment.part_number)
