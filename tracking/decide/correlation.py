"""Which tracked email a message answers (6). Pure; first hit wins."""

from __future__ import annotations

from collections.abc import Mapping

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from tracking.crm.identity import bare_subject, normalised_subject, stored_message_id
from tracking.decide.verdicts import Correlation, Known, Method

_FORWARD_MARKS = ("fw:", "fwd:", "wg:", "tr:", "rv:", "enc:", "i:", "vs:", "doorst:")
ANCESTORS_SOUGHT = 30


def ancestor_ids(envelope: Envelope) -> list[str]:
    """The Message-IDs this message names as its ancestors, nearest first, without repeats."""
    nearest_first = [*envelope.in_reply_to, *reversed(envelope.references)]
    return list(dict.fromkeys(stored_message_id(one) for one in nearest_first))[:ANCESTORS_SOUGHT]


def is_forward(envelope: Envelope) -> bool:
    """Whether the subject marks a forward in one of the usual languages."""
    return normalised_subject(envelope.subject).startswith(_FORWARD_MARKS)


def correlate(envelope: Envelope, by_message_id: Mapping[str, Known], policy: Policy) -> Correlation:
    """The email this one answers, by In-Reply-To and then by References (6.1)."""
    if not policy.email_correlation_enabled:
        return Correlation()
    if policy.do_not_correlate_forwarded_emails_as_replies and is_forward(envelope):  # 6.4
        return Correlation(evidence={"forward": True})
    in_reply_to = {stored_message_id(one) for one in envelope.in_reply_to}
    for message_id in ancestor_ids(envelope):
        email = by_message_id.get(message_id)
        if email is not None:
            header = "In-Reply-To" if message_id in in_reply_to else "References"
            return Correlation(
                method=Method.IN_REPLY_TO,
                email=email,
                subject_changed=bare_subject(envelope.subject) != bare_subject(email.subject),
                evidence={"header": header, "message_id": message_id, "email": str(email.id)},
            )
    return Correlation()
