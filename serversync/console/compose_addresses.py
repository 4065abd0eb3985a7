"""The addresses of the pages for writing mail."""

from __future__ import annotations

from django.urls import path

from serversync.console import compose, compose_lists
from tracking.crm.answering import How

addresses = [
    path("", compose_lists.mine, name="mine"),
    path("people/", compose_lists.people, name="people"),
    path("records/", compose_lists.records, name="records"),
    path("new/", compose.new, name="new"),
    path("<uuid:pk>/edit/", compose.edit, name="edit"),
    path("<uuid:pk>/reply/", compose.answering, {"how": How.REPLY}, name="reply"),
    path("<uuid:pk>/reply-all/", compose.answering, {"how": How.REPLY_ALL}, name="reply_all"),
    path("<uuid:pk>/forward/", compose.answering, {"how": How.FORWARD}, name="forward"),
]
