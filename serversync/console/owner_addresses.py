"""The addresses of the owner's area."""

from __future__ import annotations

from django.urls import path

from serversync.console import contents, owner, owner_mail
from serversync.console.owner import for_people

addresses = [
    path("", owner.own, name="own"),
    path("queue/<uuid:pk>/", owner.queue, name="queue"),
    path("mine/<uuid:pk>/sync/", owner.sync, name="sync"),
    path("mine/<uuid:pk>/filter/", owner.change_filter, name="filter"),
    path("mine/<uuid:pk>/credentials/", owner.change_credentials, name="credentials"),
    path("mine/<uuid:pk>/methods/", owner.change_methods, name="methods"),
    path("mine/<uuid:pk>/test/", owner.test, name="test"),
    path("mine/<uuid:pk>/approve/", owner.approve, name="approve"),
    path("mine/<uuid:pk>/redo/<int:row>/", owner.judge_again, name="redo"),
    path("mine/<uuid:pk>/dismiss/<uuid:alert>/", owner.dismiss, name="dismiss"),
    path("email/<uuid:pk>/", owner_mail.email, name="email"),
    path("email/<uuid:pk>/body/", for_people(contents.body), name="body"),
    path("email/<uuid:pk>/original/", for_people(contents.original), name="original"),
    path("email/<uuid:pk>/attachment/<int:number>/", for_people(contents.attachment), name="attachment"),
]
