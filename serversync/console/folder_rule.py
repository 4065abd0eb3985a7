"""The page of one folder rule: choose the record, see what the rule would do, save it, end it; in both frames (9)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from mailboxes.models.settings import current_policy
from serversync.console.folder_tree import heir_of, name_of, progress_of, trackable
from serversync.console.folders import Desk
from serversync.folder_preview import MOST
from serversync.folder_questions import NoAnswer, foresee
from tracking.facts.folder_rules import problems_with, tree_of
from tracking.facts.records import kinds_for, record_for, search
from tracking.keep.folder_rules import confirm_suggestion, decline_suggestion, remove_rule, save_rule, set_regarding
from tracking.models import LedgerRow, LedgerState, MailboxTrackingFolder

NONE, KEEP = "none", "keep"
"""What is chosen instead of a record: none at all, or the one that the rule has."""


def rule(desk: Desk) -> HttpResponse:
    """Show the form of a rule, or do what was chosen on it. Raises Http404 for a rule or folder that is not there."""
    found = _rule(desk)
    if desk.request.method != "POST":
        return _form(desk, found)
    actions = {"preview": _preview, "save": _save, "delete": _delete, "confirm": _confirm, "decline": _decline}
    act = actions.get(desk.request.POST.get("do", ""))
    if act is None:
        raise Http404("There is no such button.")
    return act(desk, found)


def _rule(desk: Desk) -> MailboxTrackingFolder:
    """The rule that is named, or that of the folder that is named, or a new one for it."""
    given = desk.request.POST if desk.request.method == "POST" else desk.request.GET
    rules = MailboxTrackingFolder.objects.filter(mailbox=desk.mailbox).select_related("regarding_type")
    if wanted := given.get("rule"):
        found = rules.filter(pk=_uuid(wanted)).first()
    else:
        found = rules.filter(exchange_folder_id=given.get("folder", "")).first() or _new(desk, given.get("folder", ""))
    if found is None:
        raise Http404("There is no such folder or rule.")
    found.mailbox = desk.mailbox
    return found


def _new(desk: Desk, key: str) -> MailboxTrackingFolder | None:
    folder = tree_of(desk.mailbox).by_key.get(key)
    if folder is None:
        return None
    return MailboxTrackingFolder(
        mailbox=desk.mailbox,
        exchange_folder_id=folder.key,
        exchange_folder_name=folder.name[:256],
        folder_path=folder.path[:1024],
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _form(desk: Desk, found: MailboxTrackingFolder, wrong: list[str] | None = None) -> HttpResponse:
    given, user = desk.request.GET, desk.request.user
    kind, words = given.get("kind", ""), given.get("name", "").strip()[:100]
    is_new = found._state.adding
    title = f"Track the folder {name_of(found)}" if is_new else f"The tracked folder {name_of(found)}"
    return desk.show(
        "console/folder_rule.html",
        title,
        422 if wrong else 200,
        rule=found,
        is_new=is_new,
        wrong=wrong or [],
        folders=trackable(desk.mailbox, found, current_policy()) if found.invalid_reason else [],
        kinds=kinds_for(user),
        kind=kind,
        words=words,
        records=search(user, kind, words),
        **progress_of([] if is_new else [found]),
        only=found.pk,
        heir=None if is_new else heir_of(found),
        tracked=0 if is_new else LedgerRow.objects.filter(tracking_folder=found, state=LedgerState.TRACKED).count(),
        may_save=desk.may("add" if is_new else "change"),
    )


def _fill(desk: Desk, found: MailboxTrackingFolder) -> None:
    """What was chosen, into the rule; not saved. Raises Http404 for a record that this person may not see."""
    given = desk.request.POST
    chosen = given.get("record", KEEP)
    found.includes_subfolders = given.get("subfolders") == "yes"
    if given.get("other_folder"):
        found.exchange_folder_id = given["other_folder"]
        folder = tree_of(desk.mailbox).by_key.get(found.exchange_folder_id)
        found.exchange_folder_name, found.folder_path = (folder.name, folder.path) if folder else ("", "")
    if chosen == NONE:
        set_regarding(found, None)
    elif chosen != KEEP:
        kind, _, key = chosen.partition(":")
        record = record_for(desk.request.user, kind, key)
        if record is None:
            raise Http404("There is no such record, or it is not yours to see.")
        set_regarding(found, record)


def _preview(desk: Desk, found: MailboxTrackingFolder) -> HttpResponse:
    """Say what saving would do; nothing is changed."""
    _insist_to_save(desk, found)
    _fill(desk, found)
    policy = current_policy()
    if wrong := problems_with(found, policy):
        return _form(desk, found, list(wrong.values()))
    shown: dict[str, Any] = {}
    try:
        shown["preview"] = foresee(found, policy, timezone.now())
    except NoAnswer as answer:
        shown["no_answer"] = str(answer)
    return desk.show(
        "console/folder_preview.html",
        f"Track the folder {name_of(found)}?",
        rule=found,
        is_new=found._state.adding,
        record=desk.request.POST.get("record", KEEP),
        other_folder=desk.request.POST.get("other_folder", ""),
        most=MOST,
        **shown,
    )


def _save(desk: Desk, found: MailboxTrackingFolder) -> HttpResponse:
    _insist_to_save(desk, found)
    _fill(desk, found)
    try:
        save_rule(found, desk.request.user, current_policy(), timezone.now())
    except ValidationError as error:
        return _form(desk, found, error.messages)
    messages.success(
        desk.request,
        f"{name_of(found)} is tracked. The mail in it is taken in from the next run on, which was asked for.",
    )
    return desk.back()


def _insist_to_save(desk: Desk, found: MailboxTrackingFolder) -> None:
    desk.insist("add" if found._state.adding else "change")


def _delete(desk: Desk, found: MailboxTrackingFolder) -> HttpResponse:
    desk.insist("delete")
    if not found._state.adding:
        heir = heir_of(found)
        remove_rule(found, timezone.now())
        then = "is not tracked any more. What was tracked from it stays."
        if heir is not None:
            then = f"has no rule of its own any more. It is tracked with {name_of(heir)} from the next run on."
        messages.success(desk.request, f"{name_of(found)} {then}")
    return desk.back()


def _confirm(desk: Desk, found: MailboxTrackingFolder) -> HttpResponse:
    desk.insist("change")
    try:
        confirm_suggestion(found, current_policy(), timezone.now())
    except ValidationError as error:
        messages.error(desk.request, " ".join(error.messages))
        return desk.back()
    messages.success(desk.request, f"{name_of(found)} is tracked again. What was tracked from it before is recognised.")
    return desk.back()


def _decline(desk: Desk, found: MailboxTrackingFolder) -> HttpResponse:
    desk.insist("change")
    decline_suggestion(found)
    messages.success(
        desk.request, "Noted: it is another folder. Choose the right one for the rule, or stop tracking it."
    )
    return HttpResponseRedirect(desk.address("folder_rule", rule=str(found.pk)))
