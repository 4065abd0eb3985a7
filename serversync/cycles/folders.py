"""Tracked folders, after the Inbox was served (9): which have changed, what is new in them, and what their rules say.

    the tree      now and then: which rules can be followed, under which names (9.2, 9.4, 9.5)
    fresh mail    of the folders that were read to the end before: only those that have changed, by one request
    earlier mail  of new rules: listed first, then taken in newest first, so many in each cycle (9.3)
    filing anew   where a rule names another record (9.5)

Every step rests on rows: killed anywhere, the next cycle goes on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError

from profiles.connectors.base import Cause, FolderMissing, MailboxUnavailable
from profiles.items import INBOX, SENT
from serversync.cycles.reading import Reading
from tracking.decide.folders import BY_PATH, Tree, followed, problem, suggestion, too_many
from tracking.facts.folder_rules import FOLDER_STAMPS, rule_of, tree_of
from tracking.facts.sent_items import SENT_SINCE
from tracking.keep.filing import file_anew
from tracking.keep.following import (
    UNKNOWN_STAMP,
    Stamps,
    ask_to_file_anew,
    ask_to_file_strays,
    leave,
    note_filed_anew,
    note_folder,
    note_invalid,
    note_progress,
    note_valid,
    store_tree,
)
from tracking.keep.pending import BATCH_ITEMS, anything_waits, next_batch
from tracking.models import FolderOnboardingStatus, MailboxTrackingFolder, SyncCursor

TREE_EVERY = timedelta(minutes=5)
LOOK_EVERY = timedelta(hours=1)
"""So often every tracked folder is read, whether its stamp has changed or not: two changes within a second may bear one."""
LISTED_AT_ONCE = 5_000
"""Items of a new folder that are listed in one cycle; only their keys are read."""


@dataclass
class Following:
    """One run over the tracked folders of one mailbox."""

    reading: Reading
    rules: list[MailboxTrackingFolder] = field(init=False, default_factory=list)
    stamps: Stamps = field(init=False, default_factory=Stamps)
    covered: dict[str, MailboxTrackingFolder] = field(init=False, default_factory=dict)
    on_probation: set[UUID] = field(init=False, default_factory=set)  # valid again once their folder has been read

    def run(self) -> bool:
        """All of it once. Returns whether there was anything to follow. Raises ConnectorError and LeaseLost."""
        try:
            return self._run()
        except IntegrityError:
            there = MailboxTrackingFolder.objects.filter(pk__in=[rule.pk for rule in self.rules]).count()
            if there == len(self.rules):
                raise
            self.reading.report.more = True  # somebody has ended a rule meanwhile; what was committed stays
            return True

    def _run(self) -> bool:
        reading = self.reading
        self.rules = self._rules() if reading.policy.folder_based_tracking else []
        cursors = self._cursors()
        if not self.rules and not cursors:
            return False
        self.stamps = Stamps.of(cursors.get(FOLDER_STAMPS))
        before = self.stamps.copy()
        for key in self.stamps.by_folder.keys() - cursors.keys():  # it was left, and then the run broke off
            self.stamps.forget(key)
        self.covered = self._cover(self._tree()) if self.rules else {}
        changed = self._changed()
        self._leave(cursors)
        self._pass_on()
        self._fresh(changed)
        self._earlier(changed)
        if self.stamps != before and (self.stamps.by_folder or before.by_folder):
            self.stamps.store(reading.lease.claim.leg_id, reading.now, reading.lease.pin)
        self._file_anew()
        return True

    def _rules(self) -> list[MailboxTrackingFolder]:
        rules = MailboxTrackingFolder.objects.filter(mailbox=self.reading.mailbox).order_by("created_on", "id")
        return list(rules.select_related("mailbox", "regarding_type"))

    def _cursors(self) -> dict[str, SyncCursor]:
        of_leg = SyncCursor.objects.filter(leg_id=self.reading.lease.claim.leg_id)
        cursors = of_leg.exclude(folder__in=(INBOX, SENT, SENT_SINCE))
        return {cursor.folder: cursor for cursor in cursors}

    # The tree

    def _tree(self) -> Tree:
        """The folders; asked for anew after some minutes, or when there is a rule that was never held against them."""
        seen = [rule.checked_on for rule in self.rules]
        oldest = min((one for one in seen if one is not None), default=None)
        if None in seen or oldest is None or self.reading.now - oldest >= TREE_EVERY:
            return self._look()
        return tree_of(self.reading.mailbox)

    def _look(self) -> Tree:
        """Ask for the tree, and hold every rule against it."""
        reading = self.reading
        folders = reading.source.folders()
        reading.lease.progress()
        store_tree(reading.mailbox, folders, reading.now, reading.lease.pin)
        tree = Tree(folders)
        for rule in self.rules:
            self._find(rule, tree)
        beyond = too_many([rule_of(rule) for rule in self.rules], reading.policy)
        for rule in self.rules:
            reason = problem(rule.exchange_folder_id, tree, reading.policy)
            if rule.exchange_folder_id.startswith(BY_PATH):
                reason = f"There is no folder “{rule.exchange_folder_id.removeprefix(BY_PATH)}” in the mailbox."
            if not reason and rule.pk in beyond:  # 9.1
                reason = f"The mailbox has more than {reading.policy.maximum_tracking_folders} folder rules."
            if reason:
                self._disable(rule, reason, tree)
            else:
                self.on_probation |= {rule.pk} if rule.invalid_reason else set()
                if reading.policy.folder_overwrites_manual_regarding:  # 9.5
                    reading.report.more |= ask_to_file_anew(rule, reading.now, reading.lease.pin)
        return tree

    def _find(self, rule: MailboxTrackingFolder, tree: Tree) -> None:
        """A rule that names its folder by the path gets its id; every rule gets the name and path of today."""
        folder = tree.by_key.get(rule.exchange_folder_id)
        if rule.exchange_folder_id.startswith(BY_PATH):
            folder = tree.at(rule.exchange_folder_id.removeprefix(BY_PATH))
            taken = {other.exchange_folder_id for other in self.rules}
            folder = None if folder is None or folder.key in taken else folder
        note_folder(rule, folder, self.reading.now, self.reading.lease.pin)

    def _disable(self, rule: MailboxTrackingFolder, reason: str, tree: Tree) -> None:
        """9.5: what cannot be followed says why. A folder of the same path is only suggested: a person decides."""
        taken = {other.exchange_folder_id for other in self.rules}
        is_lost = rule.exchange_folder_id not in tree
        suggested = suggestion(rule_of(rule), tree, taken, self.reading.policy) if is_lost else ""
        note_invalid(rule, reason, self.reading.now, self.reading.lease.pin, suggested)

    def _cover(self, tree: Tree) -> dict[str, MailboxTrackingFolder]:
        """The folders to read, each with its rule."""
        valid = {rule.pk: rule for rule in self.rules if not rule.invalid_reason or rule.pk in self.on_probation}
        found = followed([rule_of(rule) for rule in valid.values()], tree)
        return {key: valid[rule_id] for key, rule_id in found.items()}

    def _leave(self, cursors: dict[str, SyncCursor]) -> None:
        """Folders without a rule that can be followed are not read any more."""
        left = [cursor for key, cursor in cursors.items() if key not in self.covered and key != FOLDER_STAMPS]
        leave(left, self.reading.mailbox, self.reading.now, self.reading.lease.pin)
        for key in self.stamps.by_folder.keys() - self.covered.keys():
            self.stamps.forget(key)
        for rule_id in self.stamps.filing.keys() - {str(rule.pk) for rule in self.rules}:
            del self.stamps.filing[rule_id]

    def _pass_on(self) -> None:
        """9.2, 9.5: where another rule is the nearest now, it takes the folder over: what waits there, and what is tracked."""
        for rule, folders in self._by_rule():
            read = [key for key in folders if key in self.stamps.by_folder]
            taken_over = [key for key in read if self.stamps.rules.get(key, str(rule.pk)) != str(rule.pk)]
            if taken_over:
                self._ask_to_file_strays(rule, taken_over)
                note_progress(rule, folders, self.reading.lease.pin)
            self.stamps.rules.update(dict.fromkeys(read, str(rule.pk)))

    def _ask_to_file_strays(self, rule: MailboxTrackingFolder, folders: list[str]) -> None:
        reading = self.reading
        reading.report.more |= ask_to_file_strays(rule, folders, reading.now, reading.lease.pin)

    # Reading

    def _changed(self) -> dict[str, str]:
        """The folders to look at, with the stamps they bear now: by one request for all of them."""
        if not self.covered:
            return {}
        now = self._ask_for_stamps()
        if "" in now.values():  # gone, or out of reach: the tree knows
            self.covered = self._cover(self._look())
            now = self._ask_for_stamps() if self.covered else {}
        is_due = self.stamps.looked_on is None or self.reading.now - self.stamps.looked_on >= LOOK_EVERY
        if is_due:
            self.stamps.looked_on = self.reading.now
            return {key: now.get(key) or self.stamps.by_folder.get(key, "") for key in self.covered}
        begun = SyncCursor.objects.filter(leg_id=self.reading.lease.claim.leg_id, sweep_from__isnull=False)
        halfway = {key: now.get(key, "") for key in begun.values_list("folder", flat=True) if key in self.covered}
        return halfway | {key: stamp for key, stamp in now.items() if key in self.covered}

    def _ask_for_stamps(self) -> dict[str, str]:
        held = self.stamps.by_folder
        return self.reading.source.changed_folders({key: held.get(key, "") for key in self.covered})

    def _fresh(self, changed: dict[str, str]) -> None:
        """What has come into folders that were read to the end before."""
        for key in [key for key in changed if key in self.stamps.by_folder]:
            if self._is_enough():
                return
            self._read(key, changed[key])
        done = [key for key, rule in self.covered.items() if rule.folder_onboarding_status == _DONE]
        folders = [key for key in done if key in self.stamps.by_folder]  # what is listed still, is earlier mail
        if folders and anything_waits(self.reading.mailbox):
            self._settle(folders)

    def _earlier(self, changed: dict[str, str]) -> None:
        """What lay in the folders of new rules: listed to the end first, then judged, so many in each cycle."""
        unlisted = [key for key in changed if key not in self.stamps.by_folder]
        for key in unlisted:
            if not self._is_enough():
                self._read(key, changed[key], LISTED_AT_ONCE)
        for rule, folders in self._by_rule():
            is_new = rule.folder_onboarding_status == _NOT_YET or not self.stamps.by_folder.keys().isdisjoint(
                key for key in unlisted if key in folders
            )
            if is_new and all(key in self.stamps.by_folder for key in folders):
                note_progress(rule, folders, self.reading.lease.pin)
                self._ask_to_file_strays(rule, folders)
        left = self.reading.policy.folder_onboarding_per_cycle
        for rule, folders in self._by_rule():
            if rule.folder_onboarding_status == _GOING_ON:
                left -= self._settle(folders, left) if not self._is_enough() else 0
                note_progress(rule, folders, self.reading.lease.pin)

    def _by_rule(self) -> list[tuple[MailboxTrackingFolder, list[str]]]:
        folders: dict[object, list[str]] = defaultdict(list)
        for key, rule in self.covered.items():
            folders[rule.pk].append(key)
        return [(rule, folders[rule.pk]) for rule in self.rules if rule.pk in folders]

    def _read(self, key: str, stamp: str, most: int | None = None) -> None:
        rule = self.covered[key]
        try:
            finished = self.reading.discover(key, rule.pk, most)
        except MailboxUnavailable as error:
            if error.cause is not Cause.FOLDER:
                raise
            self._lose(key, rule, error)
            return
        if key == rule.exchange_folder_id:
            note_valid(rule, self.reading.now, self.reading.lease.pin)
        if finished:
            self.stamps.by_folder[key], self.stamps.rules[key] = stamp or UNKNOWN_STAMP, str(rule.pk)

    def _lose(self, key: str, rule: MailboxTrackingFolder, error: MailboxUnavailable) -> None:
        """This folder cannot be read; the others can."""
        self.stamps.forget(key)
        if isinstance(error, FolderMissing) or key != rule.exchange_folder_id:
            # the next cycle looks at the tree
            note_folder(rule, None, self.reading.now - TREE_EVERY, self.reading.lease.pin)
        else:
            note_invalid(rule, str(error), self.reading.now, self.reading.lease.pin)
        del self.covered[key]

    # Settling

    def _settle(self, folders: list[str], most: int | None = None) -> int:
        """Judge what is pending in these folders: all of it, oldest first; or the `most` newest. Returns how many."""
        reading = self.reading
        settling = reading.settling(rules={key: self.covered[key].pk for key in folders})
        done = 0
        while batch := next_batch(
            reading.mailbox,
            folders,
            reading.now,
            most=BATCH_ITEMS if most is None else most - done,
            newest_first=most is not None,
        ):
            settling.settle(batch)
            done += len(batch)
            if self._is_enough() or (most is not None and done >= most):
                reading.report.more = True
                break
        return done

    def _file_anew(self) -> None:
        """9.5: all mail of a folder follows when its rule names another record. Whoever was asked first comes first, and
        some of it is done in every cycle, however long the reading took."""
        asked = [(rule, folders) for rule, folders in self._by_rule() if rule.relink_requested_on is not None]
        for rule, folders in sorted(asked, key=lambda one: one[0].relink_requested_on or self.reading.now):
            while rule.relink_requested_on is not None:
                self._file_next(rule, folders)
                if self._is_enough():
                    return

    def _file_next(self, rule: MailboxTrackingFolder, folders: list[str]) -> None:
        """The next messages of a folder, and the place to go on from."""
        reading = self.reading

        def keep_place(last: int | None) -> None:
            assert rule.relink_requested_on is not None, "it is being filed"
            held = self.stamps.filing.pop(str(rule.pk), None)
            if last is not None:
                self.stamps.filing[str(rule.pk)] = (rule.relink_requested_on.isoformat(), last)
            if held is not None or last is not None:
                self.stamps.store(reading.lease.claim.leg_id, reading.now, reading.lease.pin)
            if last is None:
                note_filed_anew(rule)

        after = self.stamps.filed_up_to(rule)
        file_anew(rule, folders, after, reading.policy, reading.now, reading.lease.pin, keep_place)

    def _is_enough(self) -> bool:
        if self.reading.time_is_up():
            self.reading.report.more = True
            return True
        return False


_NOT_YET, _GOING_ON, _DONE = FolderOnboardingStatus
