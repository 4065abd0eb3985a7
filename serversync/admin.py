"""People, and the worker's own tables, in the look of the console. Schedules are written by code and never edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from mailboxes.taking_over import AsksToTakeOver, TakeOverAdmin
from profiles.pages import ReadOnlyAdmin
from serversync.console import change_list, email_list, passwords

__all__ = ["change_list", "email_list"]  # importing them replaces lists by ones that show less

User = get_user_model()
for model in (User, Group, Failure, OrmQ, Schedule, Success):
    try:
        admin.site.unregister(model)
    except NotRegistered:
        continue


class NewUserForm(AsksToTakeOver, UserCreationForm):
    """A new user; the mailbox that is made for the user bears the address (3.1, 1.3)."""

    address_field = "email"


class ChangedUserForm(AsksToTakeOver, UserChangeForm):
    """A user; a changed address is that of the mailbox too (3.1, 1.3)."""

    address_field = "email"


@admin.register(User)
class UserAdmin(TakeOverAdmin, DjangoUserAdmin, ModelAdmin):
    """The people."""

    form = ChangedUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    # The address is asked for at once: the mailbox that is made for the user bears it (3.1).
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "email", "first_name", "last_name", "usable_password", "password1", "password2")},
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits an account that may do more than they may: a new password would make those rights theirs."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or request.user.is_superuser or _may_no_more(obj, request.user))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A password that somebody sets for somebody else is announced to that person (12.1)."""
        if request.resolver_match is not None and request.resolver_match.url_name == "auth_user_password_change":
            passwords.announce(obj, request.user, timezone.now())  # type: ignore[arg-type]
        return super().log_change(request, obj, message)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Rights are given by a superuser only."""
        fixed = tuple(super().get_readonly_fields(request, obj))
        return (
            fixed if request.user.is_superuser else (*fixed, "is_staff", "is_superuser", "groups", "user_permissions")
        )


def _may_no_more(other: Any, user: Any) -> bool:
    return not other.is_superuser and other.get_all_permissions() <= user.get_all_permissions()


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """What people may do, by group."""


@admin.register(Failure)
class FailureAdmin(ReadOnlyAdmin):
    """Tasks of the worker that raised: each is a defect to report."""

    list_display = ("name", "func", "started", "stopped", "result")
    search_fields = ("name", "func")


@admin.register(Success)
class SuccessAdmin(ReadOnlyAdmin):
    """Tasks of the worker that ended well, where they are kept at all."""

    list_display = ("name", "func", "started", "stopped")
    search_fields = ("name", "func")
