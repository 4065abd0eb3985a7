"""format=flowed (RFC 3676): lines that were broken for transport are joined again."""

from __future__ import annotations

_SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool) -> str:
    """`text` with its flowed lines joined. `delete_space` is DelSp=yes: the space at the break was not in the text."""
    lines: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        quotes, content = _unquoted(line)
        if paragraph and (quotes != depth or content == _SIGNATURE):
            lines.append(_quoted(depth, "".join(paragraph)))
            paragraph = []
        depth = quotes
        if content.endswith(" ") and content != _SIGNATURE:
            paragraph.append(content[:-1] if delete_space else content)
        else:
            lines.append(_quoted(depth, "".join([*paragraph, content])))
            paragraph = []
    if paragraph:
        lines.append(_quoted(depth, "".join(paragraph)))
    return "\n".join(lines)


def _unquoted(line: str) -> tuple[int, str]:
    """The quote depth of a line, and its content without quote marks and space-stuffing (§4.4, §4.5)."""
    content = line.lstrip(">")
    return len(line) - len(content), content.removeprefix(" ")


def _quoted(depth: int, content: str) -> str:
    return f"{'>' * depth} {content}" if depth else content
