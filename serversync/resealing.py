"""Sealing every stored secret with the newest key, so that older keys can be taken out of FIELD_KEYS (law 10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from django.apps import apps
from django.db import models, transaction

from profiles.secrets import KeyUnavailable, Sealed, SealedField, keys


@dataclass(frozen=True, slots=True)
class Unopened:
    """A secret that no configured key opens."""

    kind: str
    row: str
    column: str
    key_id: str
    problem: str


@dataclass(slots=True)
class Resealed:
    """What came of all stored secrets."""

    newest: str
    sealed_anew: int = 0
    already_newest: int = 0
    unopened: list[Unopened] = field(default_factory=list)


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Every column of the installation that holds a secret."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, SealedField):
                yield model, column.name


def reseal() -> Resealed:
    """Open every secret, and seal with the newest key those that an older one sealed. Safe to repeat.

    Raises KeyUnavailable when there is no key at all, ValueError when FIELD_KEYS cannot be read.
    """
    newest = next(iter(keys()), "")
    if not newest:
        raise KeyUnavailable("(none)", "is not configured")
    result = Resealed(newest)
    for model, column in sealed_columns():
        for pk in model._base_manager.order_by("pk").values_list("pk", flat=True):
            _reseal_one(model, column, pk, result)
    return result


def _reseal_one(model: type[models.Model], column: str, pk: object, result: Resealed) -> None:
    """One secret, read and written under a lock: a password that somebody changes meanwhile is not overwritten."""
    with transaction.atomic():
        row = model._base_manager.select_for_update(of=("self",)).only("pk", column).filter(pk=pk).first()
        secret: Sealed = getattr(row, column) if row is not None else Sealed("")
        if not secret:
            return
        try:
            plain = secret.reveal()
        except (KeyUnavailable, ValueError) as error:
            result.unopened.append(_unopened(model, column, pk, error))
            return
        if secret.key_id == result.newest:
            result.already_newest += 1
            return
        model._base_manager.filter(pk=pk).update(**{column: Sealed.of(plain)})
        result.sealed_anew += 1


def _unopened(model: type[models.Model], column: str, pk: object, error: Exception) -> Unopened:
    row = f"{model._base_manager.get(pk=pk)} ({pk})"
    if isinstance(error, KeyUnavailable):
        key_id, problem = error.key_id, str(error)
    else:
        key_id, problem = "(none)", "This is not a sealed password. Enter it again."
    return Unopened(str(model._meta.verbose_name), row, column, key_id, problem)


def new_key_id(today: date) -> str:
    """An id for a new key that no configured key has: the day, and a number where one was made that day already."""
    day, taken = f"k{today:%Y%m%d}", keys()
    number = 1
    while (candidate := day if number == 1 else f"{day}-{number}") in taken:
        number += 1
    return candidate
