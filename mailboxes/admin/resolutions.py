"""The console page of what people have said an address stands for; taking a line away stops its future use (5.13)."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from mailboxes.models import AddressResolution
from profiles.pages import moment


@admin.register(AddressResolution)
class AddressResolutionAdmin(ModelAdmin):
    """They are made on the page of an email. Mail that was set by one stays as it is when it is deleted."""

    list_display = ("address", "name", "record_type", "chosen_by", "when")
    list_filter = (("record_type", RelatedDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("record_type", "chosen_by")
    search_fields = ("address", "name")
    list_per_page = 50
    show_full_result_count = False

    @display(description="Said", ordering="chosen_on")
    def when(self, resolution: AddressResolution) -> SafeString:
        return moment(resolution.chosen_on)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
