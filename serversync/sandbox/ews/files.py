"""Files with appointments, contacts and tasks: kept with the other properties, under `f:` and a number that stays theirs.

What is attached may be an item instead of a file; of such a one only its name is kept.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from serversync.sandbox.ews.compose import read_attachment
from serversync.sandbox.ews.fields import FILE, attachment, attachment_id
from serversync.sandbox.ews.message import Part
from serversync.sandbox.ews.soap import Element, children, inner_text, local_name, t
from serversync.sandbox.store import Item

Properties = dict[str, str]


def files_in(properties: Properties) -> Iterator[tuple[str, Part | None, str]]:
    """Key, file (None where an item is attached) and name, in the order in which they were attached."""
    for key in sorted((key for key in properties if key.startswith(FILE)), key=_number):
        kept: dict[str, Any] = json.loads(properties[key])
        if kept.get("is_item"):
            yield key, None, kept["name"]
            continue
        content = base64.b64decode(kept["content"])
        yield key, Part(kept["name"], kept["type"], content, kept["content_id"], kept["inline"]), kept["name"]


def attach(properties: Properties, parts: Iterable[Part | str]) -> list[str]:
    """Put files, or items of these names, behind those that are there. Returns their keys."""
    added = []
    number = max((_number(key) for key in properties if key.startswith(FILE)), default=0)
    for part in parts:
        number += 1
        added.append(f"{FILE}{number}")
        properties[added[-1]] = json.dumps({"name": part, "is_item": True} if isinstance(part, str) else _kept(part))
    return added


def _kept(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "type": part.content_type,
        "content": base64.b64encode(part.content).decode(),
        "content_id": part.content_id,
        "inline": part.inline,
    }


def detach(properties: Properties, names: Iterable[str]) -> None:
    """Take away what has one of these names."""
    gone = set(names)
    for key in [key for key, _, name in files_in(properties) if name in gone]:
        del properties[key]


def read_attachments(element: Element) -> list[Part | str]:
    """What a `t:Attachments` describes."""
    return [
        read_attachment(one) if local_name(one) == "FileAttachment" else inner_text(one, "Name", "item")
        for one in children(element)
    ]


def shown(item: Item) -> Element | None:
    """The `t:Attachments` of an item that is no message."""
    found = [show(item, key, part, name) for key, part, name in files_in(item.properties)]
    return t("Attachments", *found) if found else None


def show(item: Item, key: str, part: Part | None, name: str) -> Element:
    """One of them, without its content."""
    if part is not None:
        return attachment(item, key, part)
    return t("ItemAttachment", attachment_id(item, key), t("Name", name), t("IsInline", False))


def described(properties: Properties) -> list[dict[str, Any]]:
    """In simple names, with what is in them as text."""
    return [
        {"name": name, "is_item": True}
        if part is None
        else {
            "name": name,
            "type": part.content_type,
            "text": part.content.decode(errors="replace"),
            "inline": part.inline,
        }
        for _, part, name in files_in(properties)
    ]


def from_description(given: dict[str, Any]) -> Part | str:
    """What `described` has said: {name, text?, type?, inline?, is_item?}."""
    if given.get("is_item"):
        return str(given["name"])
    content = str(given.get("text", "")).encode()
    kind = str(given.get("type", "text/plain"))
    return Part(str(given["name"]), kind, content, "", bool(given.get("inline", False)))


def _number(key: str) -> int:
    return int(key.removeprefix(FILE))
