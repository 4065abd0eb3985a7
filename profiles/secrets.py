"""Secrets at rest: sealed with rotatable keys, written but never shown (law 10, 2.5).

A sealed value is the text `f1:KEY-ID:TOKEN`. Keys come from the setting FIELD_KEYS, newest first; the newest seals, any
of them opens. A value whose key is missing or wrong cannot be opened, and says which key it wants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

FORMAT = "f1"


class KeyUnavailable(Exception):
    """The key that sealed a secret is missing or wrong. `key_id` names it; `str()` says what to do."""

    def __init__(self, key_id: str, problem: str) -> None:
        super().__init__(
            f"The key “{key_id}” that sealed a stored password {problem}. Add it to FIELD_KEYS and try again."
        )
        self.key_id = key_id


def keys() -> dict[str, Fernet]:
    """The configured keys by id, newest first. Raises ValueError naming the entry that is not `id:key`."""
    found: dict[str, Fernet] = {}
    for position, entry in enumerate(settings.FIELD_KEYS, start=1):
        key_id, _, key = entry.strip().partition(":")
        try:
            found[key_id] = Fernet(key)
        except ValueError as error:
            raise ValueError(f"FIELD_KEYS: entry {position} (“{key_id}”) is not `id:key` with a Fernet key") from error
    return found


def new_key() -> str:
    """A fresh key for FIELD_KEYS (without its id)."""
    return Fernet.generate_key().decode()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored secret. It shows nothing of itself; `reveal()` is for the moment a connection is opened."""

    token: str

    def __repr__(self) -> str:
        return "Sealed(…)" if self.token else "Sealed()"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.token)

    @property
    def key_id(self) -> str:
        """Which key sealed it; "" for an empty secret."""
        return self.token.split(":", 2)[1] if self.token else ""

    @classmethod
    def of(cls, plain: str) -> Sealed:
        """Seal with the newest key. Raises KeyUnavailable when no key is configured."""
        if not plain:
            return cls("")
        available = keys()
        if not available:
            raise KeyUnavailable("(none)", "is not configured")
        key_id, fernet = next(iter(available.items()))
        return cls(f"{FORMAT}:{key_id}:{fernet.encrypt(plain.encode()).decode()}")

    def reveal(self) -> str:
        """The secret itself. Raises KeyUnavailable when its key is missing or does not fit."""
        if not self.token:
            return ""
        _, key_id, token = self.token.split(":", 2)
        fernet = keys().get(key_id)
        if fernet is None:
            raise KeyUnavailable(key_id, "is missing")
        try:
            return fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise KeyUnavailable(key_id, "does not fit it") from error


if TYPE_CHECKING:
    _TextField = models.TextField["Sealed | str", Sealed]
else:
    _TextField = models.TextField


class SealedField(_TextField):
    """A column that holds a `Sealed`. Assign a plain string to replace the secret, "" to clear it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(blank=True, default="", editable=False)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Sealed:
        return Sealed(value or "")

    def to_python(self, value: Any) -> Sealed:
        return value if isinstance(value, Sealed) else Sealed.of(str(value or ""))

    def get_prep_value(self, value: Any) -> str:
        return self.to_python(value).token

    def value_to_string(self, obj: models.Model) -> str:
        """Serialised as nothing: a dump never carries a secret."""
        return ""

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"a sealed column cannot be searched by {lookup_name}")
        return super().get_lookup(lookup_name)
