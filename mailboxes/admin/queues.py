"""The console pages of queues and of what waits in them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from mailboxes import membership
from mailboxes.forms import QueueForm
from mailboxes.joining import AnnouncesReaders, KnowsWho, QueueMemberForm
from mailboxes.models import (
    Queue,
    QueueItem,
    QueueMember,
)
from mailboxes.taking_over import TakeOverAdmin
from profiles.pages import WithHistory


class QueueMemberInline(KnowsWho, TabularInline):
    """Who works the queue."""

    model = QueueMember
    form = QueueMemberForm
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Queue)
class QueueAdmin(AnnouncesReaders, TakeOverAdmin, WithHistory, ModelAdmin):
    """Shared addresses and their members (5.18)."""

    form = QueueForm
    change_form_after_template = "console/dry_run_button.html"
    list_display = (
        "name",
        "email_address",
        "incoming_email_filtering_method",
        "queue_view_type",
        "waiting",
        "state_code",
    )
    list_filter = (("state_code", ChoicesDropdownFilter), ("queue_view_type", ChoicesDropdownFilter))
    list_filter_submit = True
    search_fields = ("name", "email_address")
    autocomplete_fields = ("owner",)
    inlines = (QueueMemberInline,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        with membership.recorded(form.instance):
            super().save_related(request, form, formsets, change)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Queue]:
        return super().get_queryset(request).annotate(waiting_items=Count("items"))

    @display(description="Waiting items", ordering="waiting_items")
    def waiting(self, queue: Queue) -> int:
        return queue.waiting_items  # type: ignore[attr-defined]


@admin.register(QueueItem)
class QueueItemAdmin(ModelAdmin):
    """What waits in the queues; a member takes an item by becoming its worker."""

    list_display = ("object_type", "object_id", "queue", "entered_on", "worker", "state_code")
    list_filter = (("queue", AutocompleteSelectFilter), ("state_code", ChoicesDropdownFilter))
    list_filter_submit = True
    list_select_related = ("queue", "worker", "object_type")
    autocomplete_fields = ("worker",)
    readonly_fields = ("queue", "object_type", "object_id", "entered_on")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
