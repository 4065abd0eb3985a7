"""From what a configuration file says to what a column holds."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import models

from mailboxes.models import (
    ActDeliveryMethod,
    Approval,
    AutoCreate,
    IncomingDeliveryMethod,
    IncomingFilter,
    OutgoingDeliveryMethod,
    QueueViewType,
)
from profiles.models import AuthenticationProtocol, CredentialRetrieval, ServerType, StateCode
from profiles.secrets import KeyUnavailable, Sealed, SealedField

OPTIONS: tuple[type[models.IntegerChoices], ...] = (
    ServerType,
    AuthenticationProtocol,
    CredentialRetrieval,
    StateCode,
    IncomingDeliveryMethod,
    OutgoingDeliveryMethod,
    ActDeliveryMethod,
    Approval,
    IncomingFilter,
    AutoCreate,
    QueueViewType,
)
SHOWN_AT_MOST = 12
ALIKE = 0.75
"""How alike a name must be to be what somebody meant: two addresses of one domain are not enough."""


class WrongValue(Exception):
    """The value does not fit; `str()` says why, `remedy` what would."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Named:
    """A reference by name, looked up when the rows it may mean are there. An empty name means none."""

    name: str


def converted(field: models.Field[Any, Any], value: Any) -> Any:
    """What the column holds for this value of the file. Raises WrongValue, which never repeats a secret."""
    value = from_environment(value)
    if field.choices and isinstance(field, models.CharField):
        return _word(field, value)
    if field.choices:
        return option(options_of(field), value)
    if isinstance(field, SealedField):
        return _sealed(value)
    if isinstance(field, models.ForeignKey):
        return Named(text(value))
    if isinstance(field, models.BooleanField):
        return truth(value)
    if isinstance(field, models.IntegerField):
        return _number(value)
    if isinstance(field, models.DateTimeField):
        return _moment(value)
    if isinstance(field, models.DateField):
        return _moment(value).date()
    return text(value)


def from_environment(value: Any) -> Any:
    """`{ env = "NAME" }` stands for the content of that environment variable; anything else for itself."""
    if not isinstance(value, dict) or set(value) != {"env"}:
        return value
    name = value["env"]
    if not isinstance(name, str) or name not in os.environ:
        raise WrongValue(f"the environment variable {name} is not set.", "Set it where this command runs.")
    return os.environ[name]


def text(value: Any) -> str:
    """Text. Raises WrongValue without repeating what was given instead: it may be a secret."""
    if not isinstance(value, str):
        raise WrongValue(f"this must be text, not {_kind(value)}.", "Put it in quotes.")
    return value


def option(kind: type[models.IntegerChoices], value: Any) -> int:
    """An option by its name: its label, or the name it has in code, in snake_case."""
    names = option_names(kind)
    if isinstance(value, str) and value in names:
        return names[value]
    allowed = [member.name.lower() for member in kind]
    raise WrongValue(f"{_quoted(value)} is not possible here.", f"Choose one of: {', '.join(allowed)}.")


def _word(field: models.Field[Any, Any], value: Any) -> str:
    """One of the words that the column may hold."""
    words = [word for word, _ in field.flatchoices]
    if value in words:
        return str(value)
    raise WrongValue(f"{_quoted(value)} is not possible here.", f"Choose one of: {', '.join(words)}.")


def options_of(field: models.Field[Any, Any]) -> type[models.IntegerChoices]:
    """The option set of a column."""
    return next(kind for kind in OPTIONS if kind.choices == list(field.flatchoices))


def option_names(kind: type[models.IntegerChoices]) -> dict[str, int]:
    """Every name that is understood, with its number."""
    by_label = {_snake(str(member.label)): int(member) for member in kind}
    return by_label | {member.name.lower(): int(member) for member in kind}


def known(names: Iterable[str], meant: str) -> str:
    """Which names there are, the most alike first: the remedy for a name that is not among them."""
    names = sorted(set(names))
    alike = difflib.get_close_matches(meant, names, n=1, cutoff=ALIKE)
    if alike:
        return f"Did you mean “{alike[0]}”?"
    if not names:
        return "There is none yet."
    more = f" and {len(names) - SHOWN_AT_MOST} more" if len(names) > SHOWN_AT_MOST else ""
    return f"There are: {', '.join(names[:SHOWN_AT_MOST])}{more}."


def _sealed(value: Any) -> Sealed:
    try:
        return Sealed.of(text(value))
    except KeyUnavailable as error:
        raise WrongValue(
            "a password cannot be stored without a key.", "Set FIELD_KEYS; `manage.py rotate_keys --new` prints one."
        ) from error


def truth(value: Any) -> bool:
    """True or false, and nothing like it. Raises WrongValue."""
    if not isinstance(value, bool):
        raise WrongValue(f"{_quoted(value)} is neither true nor false.", "Write true or false, without quotes.")
    return value


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal():  # from the environment everything is text
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongValue(f"{_quoted(value)} is not a whole number.", "Write it without quotes.")
    return value


def _moment(value: Any) -> datetime:
    remedy = "Write it without quotes, for example 2026-01-31T08:00:00Z or 2026-01-31."
    if isinstance(value, datetime) and value.tzinfo is None:
        raise WrongValue("this time has no time zone.", "End it with Z for UTC, or with an offset such as +02:00.")
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise WrongValue(f"{_quoted(value)} is not a date.", remedy)


def _snake(label: str) -> str:
    """A label as a name: "Other (POP3/SMTP)" → other_pop3_smtp."""
    return "_".join("".join(c if c.isalnum() else " " for c in label.lower()).split())


def _quoted(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str | int | float) else _kind(value)


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "a date")
