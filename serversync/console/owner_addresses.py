"""The addresses of the owner's area."""

from __future__ import annotations

from django.urls import path

from serversync.console import (
    belonging,
    contents,
    dry_run,
    folder_rule,
    folders,
    owner,
    owner_mail,
    owner_why,
    owners_word,
    wall,
    who,
    whole,
)
from serversync.console.owner import for_people
from serversync.console.passwords import change_password

addresses = [
    path("", owner.own, name="own"),
    path("alerts/", wall.wall, name="alerts"),
    path("password/", for_people(change_password), name="password"),
    path("queue/<uuid:pk>/", owner.queue, name="queue"),
    path("folders/", folders.own, name="own_folders"),
    path("mine/<uuid:pk>/folders/", folders.for_owner(folders.tree), name="folders"),
    path("mine/<uuid:pk>/folders/status/", folders.for_owner(folders.status), name="folder_status"),
    path("mine/<uuid:pk>/folders/progress/", folders.for_owner(folders.progress), name="folder_progress"),
    path("mine/<uuid:pk>/folders/fetch/", folders.for_owner(folders.fetch), name="fetch_folders"),
    path("mine/<uuid:pk>/folders/new/", folders.for_owner(folders.new), name="new_folder"),
    path("mine/<uuid:pk>/folders/rule/", folders.for_owner(folder_rule.rule), name="folder_rule"),
    path("mine/<uuid:pk>/sync/", owner.sync, name="sync"),
    path("mine/<uuid:pk>/filter/", owner.change_filter, name="filter"),
    path("mine/<uuid:pk>/filter/try/", dry_run.for_owner, name="dry_run"),
    path("mine/<uuid:pk>/newcomers/", owner.change_newcomers, name="newcomers"),
    path("mine/<uuid:pk>/send-as/", owner.change_send_as, name="send_as"),
    path("mine/<uuid:pk>/credentials/", owner.change_credentials, name="credentials"),
    path("mine/<uuid:pk>/methods/", owner.change_methods, name="methods"),
    path("mine/<uuid:pk>/test/", owner.test, name="test"),
    path("mine/<uuid:pk>/approve/", owner.approve, name="approve"),
    path("mine/<uuid:pk>/decisions/", owner_why.decisions, name="decisions"),
    path("mine/<uuid:pk>/why/<int:row>/", owner_why.one, name="explain"),
    path("mine/<uuid:pk>/look/", owner_why.look_now, name="look"),
    path("mine/<uuid:pk>/redo/<int:row>/", owner.judge_again, name="redo"),
    path("mine/<uuid:pk>/track/<int:row>/", owners_word.track, name="track"),
    path("mine/<uuid:pk>/never/", owners_word.never, name="never"),
    path("mine/<uuid:pk>/never/<int:exclusion>/", owners_word.change_exclusion, name="exclusion"),
    path("mine/<uuid:pk>/untrack/", owners_word.untrack_since, name="untrack_since"),
    path("mine/<uuid:pk>/dismiss/", wall.dismiss_all, name="dismiss_all"),
    path("mine/<uuid:pk>/dismiss/<uuid:alert>/", owner.dismiss, name="dismiss"),
    path("email/<uuid:pk>/", owner_mail.email, name="email"),
    path("email/<uuid:pk>/delivery/", owner_mail.settle_delivery, name="settle_delivery"),
    path("email/<uuid:pk>/private/", owner_mail.change_privacy, name="privacy"),
    path("email/<uuid:pk>/belongs/", belonging.for_owner, name="belonging"),
    path("email/<uuid:pk>/who/<int:party>/", who.for_owner, name="who"),
    path("email/<uuid:pk>/untrack/", owners_word.untrack_email, name="untrack"),
    path("email/<uuid:pk>/whole/", whole.fetch_own, name="fetch_whole"),
    path("email/<uuid:pk>/body/", for_people(contents.body), name="body"),
    path("email/<uuid:pk>/original/", for_people(contents.original), name="original"),
    path("email/<uuid:pk>/attachment/<int:number>/", for_people(contents.attachment), name="attachment"),
]
