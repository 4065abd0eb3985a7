"""Change history: who changed what people set, when, from what to what. Never a secret, and nothing the engine writes.

An app says once which models are kept: `keep(Mailbox)`. From then on django-auditlog records every save and deletion of
their rows; who writes many rows at once calls `update(rows, …)` instead of `rows.update(…)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from auditlog.diff import model_instance_diff
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_save
from django.utils.text import capfirst

from profiles.secrets import SealedField

IS_SET = "set"
Inside = Callable[[str, Any], tuple[str, str]]
"""For a column of settings: what one of them is called, and what its value is in words (None: it is not set)."""

_acting: ContextVar[Any] = ContextVar("acting", default="")
_inside: dict[type[models.Model], Inside] = {}


def connect() -> None:
    """Called once when the app is ready: every entry bears the name of who acts."""
    pre_save.connect(sign, sender=LogEntry, dispatch_uid="change history")


def keep(
    model: type[models.Model],
    *,
    leave_out: Iterable[str] = (),
    besides: Iterable[str] = (),
    inside: Inside | None = None,
) -> None:
    """Record from now on what becomes of the columns of this model that people edit, of its secrets, and of `besides`."""
    columns = [
        column.name
        for column in model._meta.concrete_fields
        if (column.editable or isinstance(column, SealedField) or column.name in besides)
        and column.name not in leave_out
    ]
    sealed = [column.name for column in model._meta.concrete_fields if isinstance(column, SealedField)]
    auditlog.register(
        model, include_fields=columns, mask_fields=sealed, mask_callable=f"{__name__}.{masked_secret.__name__}"
    )
    if inside is not None:
        _inside[model] = inside


def kept_models() -> list[type[models.Model]]:
    """The models whose changes are recorded."""
    return list(auditlog.get_models())


def masked_secret(words: str) -> str:
    """Whether there is a secret, and nothing else of it (law 10)."""
    return "" if words in ("", "None", "Sealed()") else IS_SET


@contextmanager
def acting(by: Any) -> Iterator[None]:
    """What is changed inside is recorded in the name of `by`: a user, or the name of a command."""
    token = _acting.set(by)
    try:
        yield
    finally:
        _acting.reset(token)


def sign(instance: LogEntry, **_: object) -> None:
    """Write down who acts; the name stays when the account is deleted."""
    by = _acting.get()
    if isinstance(by, get_user_model()):
        instance.actor, by = by, by.get_username()
    instance.additional_data = {"by": str(by)}


def update(rows: QuerySet[Any], **values: Any) -> int:
    """`rows.update(**values)`, recorded row by row, all in one transaction. Returns how many rows there were."""
    with transaction.atomic():
        found = rows.model._base_manager.filter(pk__in=list(rows.order_by().values_list("pk", flat=True)))
        before = {row.pk: row for row in found.select_for_update()}
        number = found.update(**values)
        for row in found:
            changes = model_instance_diff(before[row.pk], row, fields_to_check=list(values), use_json_for_changes=True)
            if changes:
                LogEntry.objects.log_create(row, action=LogEntry.Action.UPDATE, changes=changes)
    return number


def note(row: models.Model, what: str, before: str, after: str) -> None:
    """Record a change that no column of the row shows (the members of a queue)."""
    if before != after:
        LogEntry.objects.log_create(row, action=LogEntry.Action.UPDATE, changes={what: [before, after]})


def entries_of(model: type[models.Model], pk: str) -> QuerySet[LogEntry]:
    """The history of one row, newest first; also of one that is gone."""
    kind = ContentType.objects.get_for_model(model)
    return (
        LogEntry.objects.filter(content_type=kind, object_pk=pk).select_related("actor").order_by("-timestamp", "-pk")
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One field of one entry, in words. Of a secret there is no `before`."""

    label: str
    before: str
    after: str


def who(entry: LogEntry) -> str:
    """Who did it: a user's name, the name of a command, or the service itself."""
    return (entry.additional_data or {}).get("by") or "the service"


def what_happened(entry: LogEntry) -> str:
    """Created, changed or deleted."""
    return {LogEntry.Action.CREATE: "created", LogEntry.Action.DELETE: "deleted"}.get(entry.action, "changed")


def lines(entry: LogEntry) -> list[Line]:
    """What was changed, field by field, in words; settings one by one."""
    model = ContentType.objects.get_for_id(entry.content_type_id).model_class()
    found: list[Line] = []
    for name, (before, after) in (entry.changes or {}).items():
        if entry.action != LogEntry.Action.UPDATE and _is_usual(model, name, after if before is None else before):
            continue  # a new row is described by what is special about it
        if isinstance(before, dict) or isinstance(after, dict):
            found += _settings(model, before or {}, after or {})
        else:
            found.append(_line(model, name, before, after))
    return sorted(found, key=lambda line: line.label)


def _is_usual(model: type[models.Model] | None, name: str, value: Any) -> bool:
    """Whether the value is empty, or what the column says unless told otherwise."""
    try:
        column = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return False
    usual = column.get_default() if isinstance(column, models.Field) else None
    return value in (None, "", "None") or value == usual


def _line(model: type[models.Model] | None, name: str, before: Any, after: Any) -> Line:
    try:
        column = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        column = None
    if not isinstance(column, models.Field):
        return Line(capfirst(name.replace("_", " ")), _words(None, before), _words(None, after))
    label = str(capfirst(column.verbose_name))
    if isinstance(column, SealedField):
        happened = "cleared" if not after else "replaced" if before else IS_SET
        return Line(label, "", happened if before or after else _words(None, ""))
    return Line(label, _words(column, before), _words(column, after))


def _settings(model: type[models.Model] | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Line]:
    say = _inside.get(model) if model else None
    found = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key) or (key in before) != (key in after):
            old, new = before.get(key), after.get(key)
            label = say(key, None)[0] if say else key
            found.append(
                Line(
                    label,
                    say(key, old)[1] if say else _words(None, old),
                    say(key, new)[1] if say else _words(None, new),
                )
            )
    return found


def _words(column: models.Field[Any, Any] | None, value: Any) -> str:
    if value is None or value in ("", "None"):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(column, models.DateTimeField):
        return f"{str(value)[:19]} UTC"
    choices = dict(column.flatchoices) if column is not None and column.flatchoices else {}
    return str(choices.get(value, value))
