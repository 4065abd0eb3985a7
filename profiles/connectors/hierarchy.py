"""The order and the paths of folders, from what a server tells about each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from profiles.items import INBOX, Folder


def arranged(found: Iterable[Folder], others: Collection[str] = ()) -> list[Folder]:
    """The folders with their paths, parents before children, the inbox first and siblings by name.

    A folder whose parent was not found stands at the top. `others` are the keys of found folders that hold no mail:
    they are left out, and what is below them stands below the next mail folder above.
    """
    found = list(found)
    known = {folder.key for folder in found}
    below: dict[str, list[Folder]] = defaultdict(list)
    for folder in sorted(found, key=_rank, reverse=True):
        below[folder.parent_key if folder.parent_key in known else ""].append(folder)
    waiting = [(folder, "", "") for folder in below[""]]
    placed: list[Folder] = []
    while waiting:
        folder, parent_key, path_above = waiting.pop()
        path = path_above + folder.name.replace("/", "／")
        key = folder.key
        if key in others:
            key = parent_key
        else:
            placed.append(replace(folder, parent_key=parent_key, path=path))
        waiting += [(child, key, f"{path}/") for child in below[folder.key]]
    return placed


def _rank(folder: Folder) -> tuple[bool, str, str]:
    return folder.kind != INBOX, folder.name.casefold(), folder.key
