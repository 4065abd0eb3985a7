"""People, and the worker's own tables, in the look of the console. Schedules are written by code and never edited."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from profiles.pages import ReadOnlyAdmin

User = get_user_model()
for model in (User, Group, Failure, OrmQ, Schedule, Success):
    try:
        admin.site.unregister(model)
    except NotRegistered:
        continue


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """The people."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # The address is asked for at once: the mailbox that is made for the user bears it (3.1).
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "email", "first_name", "last_name", "usable_password", "password1", "password2")},
        ),
    )


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
