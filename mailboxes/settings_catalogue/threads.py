"""The settings of conversations: correlation, the tracking token, smart matching."""

from __future__ import annotations

import re

from mailboxes.settings_catalogue.entry import Group, Setting

LONGEST_PREFIX = 20


def _prefix(text: str) -> str:
    fits = 1 <= len(text) <= LONGEST_PREFIX and text.isprintable() and not re.search(r"\s", text)
    return "" if fits else f"must be 1 to {LONGEST_PREFIX} characters without spaces"


def _prefixes(text: str) -> str:
    wrong = [one for one in text.split() if _prefix(one)]
    return f"must be prefixes of 1 to {LONGEST_PREFIX} characters, separated by spaces" if wrong else ""


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError) as error:
        return f"must be a regular expression; this one is none: {error}"
    return ""


CORRELATION = Group(
    "Correlation",
    "How a mail finds the conversation it belongs to.",
    (
        Setting(
            "email_correlation_enabled",
            "Join mail to conversations",
            "Off: nothing is joined, and no mail counts as a response.",
            rule="6.3",
            original="on",
        ),
        Setting(
            "ignore_conversation_index_and_in_reply_to_for_correlation",
            "Do not trust reply headers",
            "On: In-Reply-To, References and the conversation index are passed over.",
            rule="6.4",
            original="off",
        ),
        Setting(
            "do_not_correlate_forwarded_emails_as_replies",
            "A forwarded mail is no response",
            "Off: what somebody forwards counts as a response to it.",
            rule="6.4",
            original="off",
        ),
    ),
)

TOKEN = Group(
    "Tracking token",
    "A mark at the end of the subject of mail sent from here. Tokens are recognised even when new mail gets none.",
    (
        Setting(
            "email_token_enabled",
            "Give new mail a token",
            "Off: subjects stay as they were written.",
            rule="6.5",
            original="on",
        ),
        Setting(
            "tracking_token_form",
            "Form of new tokens",
            "Random tokens never repeat and cannot be guessed; those of digits repeat after the last number.",
            rule="6.5",
            original="digits",
            choices=(("long", "Long and random"), ("classic", "Digits, as the original")),
        ),
        Setting(
            "tracking_prefix",
            "Prefix",
            "What a token begins with; at most 20 characters.",
            rule="6.5",
            original="CRM:",
            wrong=_prefix,
        ),
        Setting(
            "old_tracking_prefixes",
            "Former prefixes",
            "Tokens with these are still recognised; separate them by spaces.",
            rule="6.5",
            original="remembers them by itself",
            may_be_empty=True,
            wrong=_prefixes,
        ),
        Setting(
            "tracking_token_id_base",
            "Number of the first user",
            "Added to the number of each user, for tokens of digits.",
            rule="6.5",
            original="0",
            least=0,
            most=2_147_483_647,
        ),
        Setting(
            "tracking_token_id_digits",
            "Digits for the user",
            "For tokens of digits.",
            rule="6.5",
            original="3",
            least=1,
            most=10,
        ),
        Setting(
            "tracking_number_digits",
            "Digits for the message",
            "For tokens of digits; with 3 of them a token comes again after 999 messages.",
            rule="6.5",
            original="3",
            least=1,
            most=9,
        ),
        Setting(
            "maximum_subject_length_on_mail_server",
            "Longest subject",
            "A subject is shortened so that the token still fits.",
            rule="6.5",
            original="255",
            least=255,
            most=400,
            unit="characters",
        ),
    ),
)

SMART = Group(
    "Smart matching",
    "Joining mail by the words of its subject and its people, where there is nothing better. It can be wrong.",
    (
        Setting(
            "email_smart_matching_enabled",
            "Use smart matching",
            "Comes after everything else.",
            rule="6.3",
            original="off",
        ),
        Setting(
            "hash_filter_keywords",
            "What is taken off the beginning of a subject",
            "A regular expression for marks such as “Re:” and “Fwd:”.",
            rule="6.6",
            original="the same expression",
            may_be_empty=True,
            wrong=_expression,
        ),
        Setting(
            "hash_max_count",
            "Words of a subject that are compared",
            "Further words do not count.",
            rule="6.6",
            original="20",
            least=1,
            most=1000,
        ),
        Setting(
            "hash_delta_subject_count",
            "Words that may be missing",
            "By so many words two subjects may differ.",
            rule="6.6",
            original="0",
            least=0,
            most=1000,
        ),
        Setting(
            "hash_min_address_count",
            "People in common",
            "So many addresses at least must be the same.",
            rule="6.6",
            original="2",
            least=0,
            most=1000,
        ),
        Setting(
            "smart_matching_days",
            "Look back",
            "Older mail is not compared.",
            rule="6.6",
            original="90 days under load",
            least=1,
            most=36_500,
            unit="days",
        ),
    ),
)
