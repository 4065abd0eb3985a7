"""What came by mail, handed to the browser so that it can do nothing: body, attachments, original.

These views check who may read the mail; `urls.py` says for which area, console or owner's page, they are asked.
"""

from __future__ import annotations

import base64
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header

from profiles.connectors.mime.filenames import name_to_save
from serversync.console.reading import opened
from serversync.console.security import as_mail_content
from tracking.crm.attachments import content_of
from tracking.crm.display import page, plain_html, with_images
from tracking.crm.models import ActivityMimeAttachment, Email
from tracking.crm.showing import safe_body
from tracking.crm.storage import read

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PASSIVE = IMAGES | {"application/pdf", "text/plain"}
_ENDINGS = {"message/rfc822": ".eml", "text/calendar": ".ics", "image/png": ".png", "image/jpeg": ".jpg"}
_IMAGE_STARTS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
LARGEST_IMAGES = 10 * 1024 * 1024  # bytes, of all images in one body together


def body(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The body as a document of its own, for a sandboxed frame: sanitised, without remote loads."""
    email = opened(request, Email.objects.all(), pk, "the body")
    if email.mime_type != "text/html":
        return as_mail_content(HttpResponse(page(plain_html(email.description))))
    safe = safe_body(email)
    fragment = with_images(safe.fragment, _InlineImages(email).url)
    return as_mail_content(HttpResponse(page(fragment, safe.left_out)))


class _InlineImages:
    """The images a body refers to by `cid:`. They are put into the document, because a sandboxed frame has no session."""

    def __init__(self, email: Email) -> None:
        self._by_id = {
            one.attachment_content_id: one
            for one in email.attachments.exclude(attachment_content_id="")
            .filter(is_left_out=False)
            .select_related("email")
            if one.mime_type.lower() in IMAGES
        }
        self._left = LARGEST_IMAGES

    def url(self, content_id: str) -> str:
        """The image as a `data:` address; "" if there is none of this id, or no room for it."""
        image = self._by_id.get(content_id)
        if image is None or image.file_size > self._left:
            return ""
        try:
            content = content_of(image)
        except FileNotFoundError:
            return ""
        self._left -= len(content)
        kind = _kind_of_image(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}" if kind else ""


def _kind_of_image(content: bytes) -> str:
    """The type by the bytes themselves: what only calls itself an image is not put into a page."""
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _IMAGE_STARTS.items() if content.startswith(start)), "")


def attachment(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """One attachment as a download."""
    opened(request, Email.objects.only("pk"), pk, f"attachment {number}")
    found = get_object_or_404(
        ActivityMimeAttachment.objects.select_related("email"), email_id=pk, attachment_number=number
    )
    if found.is_left_out:  # 5.19
        raise Http404(f"This attachment was left out. {found.left_out_because} It is still in the original.")
    try:
        content = content_of(found)
    except FileNotFoundError:
        raise Http404("The file of this attachment is missing in the storage.") from None
    ending = _ENDINGS.get(found.mime_type.lower(), "")
    return as_attachment(content, found.mime_type, name_to_save(found.file_name, f"part-{number}{ending}"))


def original(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The message exactly as it was on the wire (law 3)."""
    email = opened(request, Email.objects.defer("description", "safe_description"), pk, "the original")
    if email.original_id is None:
        raise Http404("This email has no original yet.")
    try:
        content = read(email.original_id)
    except FileNotFoundError:
        raise Http404("The original is missing in the storage.") from None
    return as_download(content, "message/rfc822", f"{email.pk}.eml")


def as_attachment(content: bytes, mime_type: str, name: str) -> HttpResponse:
    """A file of somebody's: under its own kind only where no program runs that."""
    kind = mime_type.lower()
    return as_download(content, kind if kind in PASSIVE else "application/octet-stream", name)


def as_download(content: bytes, kind: str, name: str) -> HttpResponse:
    """Saved, never opened: also what a browser would like to run stays a file."""
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return as_mail_content(response)
