"""The body of an email as it may be shown: sanitised when it is first read, and stored, the original untouched."""

from __future__ import annotations

import hashlib
import re

from tracking.crm.display import VERSION, SafeBody, sanitised
from tracking.crm.models import Email

_MARK = re.compile(r"<!--(\d{1,4}) (\d{1,9}) ([0-9a-f]{16})-->")


def safe_body(email: Email) -> SafeBody:
    """The sanitised body of an HTML email. It is made anew when the rules have changed, or the body has."""
    digest = hashlib.blake2b(email.description.encode("utf-8", "replace"), digest_size=8).hexdigest()
    mark = _MARK.match(email.safe_description)
    if mark and (int(mark[1]), mark[3]) == (VERSION, digest):
        return SafeBody(email.safe_description[mark.end() :], int(mark[2]))
    body = sanitised(email.description)
    stored = f"<!--{VERSION} {body.left_out} {digest}-->{body.fragment}"
    # Not save(): reading changes nothing else, and what was changed meanwhile shows in the digest.
    Email.objects.filter(pk=email.pk).update(safe_description=stored)
    return body
