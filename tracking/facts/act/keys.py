"""How an idle cycle asks what has changed: by the index of the time of the change, and of that only what is linked in this
mailbox, so that it costs the same however many records and mappings there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Exists, F, Func, OuterRef, QuerySet
from django.db.models.lookups import GreaterThanOrEqual

from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import Syncing, content_type_of
from tracking.facts.regarding import KeyAsText
from tracking.models import ExchangeSyncIdMapping


class Rare(Func):
    """A condition that few rows fulfil. SQLite, which does not know how few, then begins with the index of its column."""

    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The probability changes no answer."""
        sql, params = compiler.compile(self.source_expressions[0])
        return f"likelihood({sql}, 0.000001)", params

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """It has statistics."""
        return compiler.compile(self.source_expressions[0])


def changed_since(since: datetime) -> Rare:
    """The condition that a record was changed since."""
    return Rare(GreaterThanOrEqual(F("modified_on"), since))


def with_mapping(rows_of: QuerySet[Any], key: str, kind: RecordKind, syncing: Syncing) -> QuerySet[Any]:
    """Those whose column `key` names a record of this kind that has a mapping in the mailbox: asked of the index for each
    of them, however many are linked."""
    rows = ExchangeSyncIdMapping.objects.filter(
        mailbox=syncing.mailbox, object_type=content_type_of(kind), object_id=OuterRef("key_text")
    )
    return rows_of.annotate(key_text=KeyAsText(key)).filter(Exists(rows.exclude(object_id="")))


def without_item(rows_of: QuerySet[Any], kind: RecordKind, syncing: Syncing) -> QuerySet[Any]:
    """Those that have no item in the mailbox, whether they are linked with it still or were once."""
    rows = ExchangeSyncIdMapping.objects.filter(
        mailbox=syncing.mailbox,
        object_type=content_type_of(kind),
        object_id=OuterRef("key_text"),
        is_deleted_in_exchange=False,
    )
    has_item = Exists(rows.exclude(object_id="").exclude(exchange_entry_id=""))
    return rows_of.annotate(key_text=KeyAsText("pk")).exclude(has_item)
