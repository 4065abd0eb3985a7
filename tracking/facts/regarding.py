"""Which records a person may see, as a condition on the activities regarding them; by setting it opens mail (12.1)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Func, Model, Q, UUIDField

from mailboxes import addresses
from tracking.crm.models.records import Record


class KeyAsText(Func):
    """A primary key as generic keys hold it: text, a UUID with hyphens. SQLite stores UUIDs as 32 digits without."""

    template = "CAST(%(expressions)s AS varchar)"
    output_field = CharField()
    _HYPHENS = " || '-' || ".join(
        f"substr(%(expressions)s, {first}, {length})" for first, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        field = self.get_source_expressions()[0].output_field
        if isinstance(getattr(field, "target_field", field), UUIDField):  # its own, or the one that a foreign key names
            context["template"] = f"({self._HYPHENS})"
        return self.as_sql(compiler, connection, **context)


def regards_what(user: User | AnonymousUser) -> Q:
    """The condition for activities regarding a record that this person may see: one of their own, or any of a kind that
    they may look at in the console. Two queries besides those for the permissions, whatever the number of records."""
    seen = Q(regarding_type__in=_kinds_in_the_console(user))
    for kind, content_type in ContentType.objects.get_for_models(*_owned_kinds()).items():
        own = kind._default_manager.filter(owner_id=user.pk).order_by().values_list(KeyAsText("pk"))
        seen |= Q(regarding_type=content_type.pk, regarding_id__in=own)
    return seen & ~Q(regarding_id="")


def _kinds_in_the_console(user: User | AnonymousUser) -> list[int]:
    """The content types of which this person may see every record."""
    if not (user.is_active and user.is_staff):
        return []
    every = ContentType.objects.all()
    return [kind.pk for kind in every if user.has_perm(f"{kind.app_label}.view_{kind.model}")]


def _owned_kinds() -> list[type[Model]]:
    """Our records, and those of other applications that have an address and an owner."""
    kinds = {*Record.__subclasses__(), *addresses.sources()}
    return sorted((kind for kind in kinds if _has_owner(kind)), key=lambda kind: kind._meta.label)


def _has_owner(kind: type[Model]) -> bool:
    user_model = get_user_model()
    return any(field.name == "owner" and field.related_model is user_model for field in kind._meta.get_fields())
