"""Forms of the console for what people decide about tracking."""

from __future__ import annotations

from typing import Any

from django import forms

from mailboxes.models.settings import current_policy
from tracking.decide.exclusions import as_stored
from tracking.facts.folder_rules import problems_with
from tracking.models import FolderHierarchy, MailboxTrackingFolder, TrackingExclusion
from tracking.models.exclusions import ExclusionKind


class OrganizationExclusionForm(forms.ModelForm):
    """What is never tracked in any mailbox: an address, a domain, or a conversation."""

    class Meta:
        model = TrackingExclusion
        fields = ("kind", "value")
        help_texts = {
            "value": "For example reception@dentist.example, or dentist.example; of a conversation the Message-ID of "
            "its first message, such as &lt;abc@mail.example&gt;.",
        }

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("kind") is None or "value" not in found:
            return found
        kind = ExclusionKind(found["kind"])
        try:
            found["value"] = as_stored(kind.name.lower(), found["value"])
        except ValueError as error:
            self.add_error("value", str(error))
            return found
        same = TrackingExclusion.objects.filter(mailbox=None, kind=kind, value=found["value"])
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("value", "It is excluded already.")
        return found


class FolderRuleForm(forms.ModelForm):
    """A folder rule for those who know the id of the folder; the page of the folders offers the tree instead."""

    class Meta:
        model = MailboxTrackingFolder
        fields = ("mailbox", "exchange_folder_id", "includes_subfolders", "regarding_type", "regarding_id")
        help_texts = {
            "exchange_folder_id": "The page “Folders” of the mailbox shows its folders and fills this in.",
            "regarding_id": "The key of the record, together with its kind; both empty if there is none.",
        }

    def _post_clean(self) -> None:
        """The rules of every way to make one (9.1, 9.2). An id passes unseen while no tree was fetched (9.4)."""
        super()._post_clean()  # type: ignore[misc]  # the stubs leave it out
        if self.errors:
            return
        if bool(self.instance.regarding_type_id) != bool(self.instance.regarding_id):
            self.add_error("regarding_id", "A record has a kind and a key: enter both, or neither.")
            return
        for column, sentence in problems_with(
            self.instance, current_policy(), may_be_unknown=self.may_be_unknown()
        ).items():
            self.add_error(column, sentence)

    def may_be_unknown(self) -> bool:
        """Whether the id cannot be checked here; the next run shows the rule as invalid if there is no such folder."""
        is_kept = not self.instance._state.adding and "exchange_folder_id" not in self.changed_data
        known = FolderHierarchy.objects.filter(pk=self.instance.mailbox_id, fetched_on__isnull=False)
        return is_kept or not known.exists()
