"""The console page of pauses: what was stopped, by whom, when and why. They begin and end with their own buttons."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from mailboxes.brake import resumed_by, scope_of
from mailboxes.models import Pause
from profiles.pages import ReadOnlyAdmin, moment


@admin.register(Pause)
class PauseAdmin(ReadOnlyAdmin):
    """Every pause, those in force as well as those that have ended."""

    list_display = ("what", "reason", "paused_by_whom", "since", "until", "resumed_by", "in_force")
    list_filter = (("leg", ChoicesDropdownFilter), ("email_server_profile", RelatedDropdownFilter))
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("reason", "person_name", "mailbox__name", "mailbox__email_address", "email_server_profile__name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pause]:
        return super().get_queryset(request).select_related("mailbox", "email_server_profile", "ended_by")

    @display(description="What")
    def what(self, pause: Pause) -> str:
        words = scope_of(pause).words
        return words[0].upper() + words[1:]

    @display(description="Paused by", ordering="person_name")
    def paused_by_whom(self, pause: Pause) -> str:
        return pause.person_name

    @display(description="Since", ordering="paused_on")
    def since(self, pause: Pause) -> SafeString:
        return moment(pause.paused_on)

    @display(description="Until", ordering="ended_on")
    def until(self, pause: Pause) -> SafeString:
        return moment(pause.ended_on)

    @display(description="Resumed by")
    def resumed_by(self, pause: Pause) -> str:
        return "–" if pause.ended_on is None else resumed_by(pause)

    @display(description="In force", boolean=True)
    def in_force(self, pause: Pause) -> bool:
        return pause.ended_on is None
