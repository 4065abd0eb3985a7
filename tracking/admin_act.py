"""The console pages of what synchronizes appointments, contacts and tasks. None shows what an item says (12.1)."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from profiles.pages import ReadOnlyAdmin
from tracking.models import (
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    RecycledItem,
    SyncAttributeMapping,
    SyncConflict,
    SyncFilter,
    SyncProgress,
)

_OF_MAILBOX = (("mailbox", AutocompleteSelectFilter), ("kind", ChoicesDropdownFilter))


class ActAdmin(ReadOnlyAdmin):
    """What the pages of all these share."""

    list_filter_submit = True
    show_full_result_count = False


@admin.register(ExchangeSyncIdMapping)
class ExchangeSyncIdMappingAdmin(ActAdmin):
    """Which record is which item on the server, and what did not sync (10.1 e)."""

    list_display = ("kind", "object_id", "mailbox", "agreed_on", "last_sync_error_code", "retries", "next_attempt_on")
    list_filter = (*_OF_MAILBOX, ("question", ChoicesDropdownFilter))
    list_select_related = ("mailbox",)
    search_fields = ("object_id", "exchange_entry_id", "uid", "mark")
    exclude = ("item_subject", "agreed", "agreed_occurrences", "question_facts", "last_sync_error")


@admin.register(SyncConflict)
class SyncConflictAdmin(ActAdmin):
    """What both sides had changed, and which was taken (10.1 h)."""

    list_display = ("occurred_on", "kind", "field", "taken", "rule", "mailbox", "undone_on")
    list_filter = (*_OF_MAILBOX, ("taken", ChoicesDropdownFilter))
    list_select_related = ("mailbox",)
    search_fields = ("object_id",)
    exclude = ("before", "ours", "theirs")


@admin.register(RecycledItem)
class RecycledItemAdmin(ActAdmin):
    """What synchronization deleted and can restore (law 9)."""

    list_display = ("deleted_on", "kind", "deleted_on_side", "reason", "mailbox", "expires_on", "restored_on")
    list_filter = (*_OF_MAILBOX, ("deleted_on_side", ChoicesDropdownFilter))
    list_select_related = ("mailbox",)
    search_fields = ("object_id",)
    exclude = ("snapshot",)


@admin.register(HeldWrite)
class HeldWriteAdmin(ActAdmin):
    """Meeting mails that wait for somebody’s word (10.2)."""

    list_display = ("held_on", "kind_of_write", "mailbox", "decision", "decided_by", "decided_on")
    list_filter = (("mailbox", AutocompleteSelectFilter), ("decision", ChoicesDropdownFilter))
    list_select_related = ("mailbox", "decided_by")
    exclude = ("addresses",)


@admin.register(HeldDeletion)
class HeldDeletionAdmin(ActAdmin):
    """Deletions in mass that wait for somebody’s word (law 9)."""

    list_display = ("held_on", "kind", "on_side", "number", "out_of", "mailbox", "decision", "decided_by")
    list_filter = (*_OF_MAILBOX, ("decision", ChoicesDropdownFilter))
    list_select_related = ("mailbox", "decided_by")


@admin.register(SyncAttributeMapping)
class SyncAttributeMappingAdmin(ActAdmin):
    """The directions of fields that the organization has chosen (10.8)."""

    list_display = ("record_kind", "field", "sync_direction", "modified_by", "modified_on")
    list_filter = (("record_kind", ChoicesDropdownFilter),)
    list_select_related = ("modified_by",)


@admin.register(SyncFilter)
class SyncFilterAdmin(ActAdmin):
    """What goes to whose mailbox, and the templates for new users (10.1 b, c)."""

    list_display = ("name", "record_kind", "owner", "is_default", "is_active")
    list_filter = (("record_kind", ChoicesDropdownFilter), ("owner", AutocompleteSelectFilter))
    list_select_related = ("owner",)
    search_fields = ("name",)


@admin.register(SyncProgress)
class SyncProgressAdmin(ActAdmin):
    """How far the first synchronization is, and when everything was last listed (10.1 f)."""

    list_display = ("mailbox", "kind", "done", "total", "started_on", "finished_on", "listing_complete_on")
    list_filter = _OF_MAILBOX
    list_select_related = ("mailbox",)
