"""Addresses of the console: its composite pages, then a page per model."""

from django.contrib import admin
from django.urls import include, path

from serversync.console import contents, emails, mailboxes, why

console = [
    path("email/<uuid:pk>/", emails.email, name="email"),
    path("email/<uuid:pk>/body/", contents.body, name="body"),
    path("email/<uuid:pk>/original/", contents.original, name="original"),
    path("email/<uuid:pk>/attachment/<int:number>/", contents.attachment, name="attachment"),
    path("email/<uuid:pk>/delivery/", emails.settle_delivery, name="settle_delivery"),
    path("mailbox/<uuid:pk>/", mailboxes.overview, name="mailbox"),
    path("mailbox/<uuid:pk>/sync/", mailboxes.sync, name="sync"),
    path("mailbox/<uuid:pk>/enable/<int:leg>/", mailboxes.enable, name="enable"),
    path("why/", why.why, name="why"),
]

urlpatterns = [path("", include((console, "console"))), path("", admin.site.urls)]
