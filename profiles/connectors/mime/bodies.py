"""Which parts are the text of a mail and which are attachments, and what they hold."""

from __future__ import annotations

import html
from dataclasses import dataclass, field

from profiles.connectors.mime.charsets import charset_of_html, decode, one_line
from profiles.connectors.mime.fast import FastContents
from profiles.connectors.mime.filenames import visible_name
from profiles.connectors.mime.flowed import unflow
from profiles.connectors.mime.headers import decode_words
from profiles.connectors.mime.html import summary_of_html
from profiles.connectors.mime.parts import Part, Structure
from profiles.connectors.mime.tnef import Tnef, TnefFile, tnef_of
from profiles.connectors.mime.transfer import Encoded, split_uuencoded
from profiles.connectors.mime.values import Attachment

LONGEST_TEXT = 16 << 20  # bytes of one text part, before its charset is decoded
_TOO_LONG = f"A text is longer than {LONGEST_TEXT >> 20} MB; the rest was left out."
_UUENCODED_TYPE = "application/octet-stream"
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_BROKEN_TNEF = "The winmail.dat could not be unpacked completely; it was kept as it is."
_ENCRYPTED = "This message is encrypted{how}. It can be read in a mail program that has the key; it is kept as it came."
_OPAQUE = "This message is signed in a way that hides its text (S/MIME). It is kept as it came."


@dataclass(slots=True)
class _Section:
    """A piece of the mail that a reader sees at one place, in one or two forms."""

    text: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)


class Bodies:
    """The texts and attachments of one mail, read once from its structure.

    `text` and `html` each show the whole mail: pieces around attachments are joined, and a piece that exists in one
    form only is converted for the other, unless no piece has that form.
    """

    def __init__(self, raw: bytes, structure: Structure, *, fast: bool) -> None:
        self.raw = raw
        self.fast = FastContents(raw, structure.leaves) if fast else None
        self.warnings: list[str] = []
        self.attachments: list[Attachment] = []
        self.encoded: list[Encoded] = []
        self.unpacked: list[Tnef] = []
        sections: dict[int, _Section] = {}
        for number, part in enumerate(structure.leaves, 1):
            if is_body(part):
                self._read_body(part, sections.setdefault(id(_outermost_alternative(part)), _Section()))
            elif not (is_tnef(part) and self._unpack(part)):
                self._read_attachment(number, part)
        self._add_files_inside(len(structure.leaves) + 1)
        self.text, self.html = _joined(list(sections.values()))
        if not (self.text.strip() or self.html.strip()):
            self.text, self.html = self._other_body(structure)

    def _add_files_inside(self, number: int) -> None:
        """Files in texts and in winmail.dat are numbered after the parts."""
        for file in self.encoded:
            name = file_name(decode(file.name)[0])
            self.attachments.append(Attachment(number, name, _UUENCODED_TYPE, len(file.content), "", False, False))
            number += 1
        for inner in (inner for one in self.unpacked for inner in one.files):
            self.attachments.append(_attachment_of(number, inner))
            number += 1

    def _unpack(self, part: Part) -> bool:
        """Take the files out of a winmail.dat. Returns whether that was all of it; otherwise it stays as well."""
        found = tnef_of(self._content(part)[0])
        if found is not None:
            self.unpacked.append(found)
        if found is None or not found.is_whole:
            self._warn(_BROKEN_TNEF)
            return False
        return True

    def _other_body(self, structure: Structure) -> tuple[str, str]:
        """What stands for the text of a mail without any: that of its winmail.dat, or that it is encrypted."""
        for found in self.unpacked:
            if found.text or found.html:
                return found.text.replace("\r\n", "\n").replace("\r", "\n"), found.html.replace("\r\n", "\n")
        for part in structure.leaves:
            if words := _hidden_by(part):
                return words, ""
        return self.text, self.html

    def _content(self, part: Part) -> tuple[bytes, str]:
        content = self.fast.content(part) if self.fast else None
        return part.content(self.raw) if content is None else (content, "")

    def _read_body(self, part: Part, section: _Section) -> None:
        data, warning = self._content(part)
        self._warn(warning)
        if len(data) > LONGEST_TEXT:
            data = data[:LONGEST_TEXT]
            self._warn(_TOO_LONG)
        charset = part.parameters.get("charset", "")
        is_html = part.content_type == "text/html"
        if not is_html:
            data, files = split_uuencoded(data)
            self.encoded += files
        elif not charset:
            charset = charset_of_html(data)
        text, warning = decode(data, charset)
        self._warn(warning)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if part.parameters.get("format", "").lower() == "flowed" and not is_html:
            text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        (section.html if is_html else section.text).append(text)

    def _read_attachment(self, number: int, part: Part) -> None:
        data, warning = self._content(part)
        if warning:
            self._warn(f"Part {number}: {warning}")
        kind, _ = part.disposition
        content_id = decode_words(part.fields.first(b"content-id")).strip("<> ")
        in_related = part.parent is not None and part.parent.content_type == "multipart/related"
        self.attachments.append(
            Attachment(
                number=number,
                file_name=name_of(part),
                mime_type=part.content_type,
                size=len(data),
                content_id=content_id,
                is_inline=kind == "inline" or (kind != "attachment" and bool(content_id) and in_related),
                is_message=part.is_message,
            )
        )

    def _warn(self, sentence: str) -> None:
        if sentence and sentence not in self.warnings:
            self.warnings.append(sentence)


def is_body(part: Part) -> bool:
    """Whether a leaf is text to read: text/plain or text/html that is not sent as a file.

    A file name alone makes a file of it, except where it is the whole mail or one form of a text.
    """
    if part.content_type not in ("text/plain", "text/html"):
        return False
    kind, _ = part.disposition
    if kind == "attachment":
        return False
    parent = part.parent
    if parent is None or parent.content_type == "multipart/alternative":
        return True
    if parent.content_type == "multipart/related" and parent.children[0] is not part:
        return not part.fields.first(b"content-id") and not name_of(part)
    return not name_of(part)


def name_of(part: Part) -> str:
    """The file name a part carries: `filename` (RFC 2183), else the older `name`; "" if none."""
    return file_name(part.disposition[1].get("filename") or part.parameters.get("name") or "")


def file_name(text: str) -> str:
    """A file name on one line that no longer means a path, and looks like what it is."""
    return visible_name(one_line(text)).replace("/", "_").replace("\\", "_")


def encoded_files(raw: bytes, structure: Structure) -> list[Encoded]:
    """The uuencoded files in the texts of a mail, in order; they are numbered after its parts."""
    files: list[Encoded] = []
    for part in structure.leaves:
        if part.content_type == "text/plain" and is_body(part):
            files += split_uuencoded(part.content(raw)[0][:LONGEST_TEXT])[1]
    return files


def is_tnef(part: Part) -> bool:
    """Whether a leaf is a winmail.dat, whatever type a gateway has given it."""
    if part.content_type in _TNEF_TYPES:
        return True
    return part.content_type == "application/octet-stream" and name_of(part).lower() == "winmail.dat"


def tnef_files(raw: bytes, structure: Structure) -> list[TnefFile]:
    """The files in the winmail.dat parts of a mail, in order; they are numbered after the uuencoded ones."""
    found = (tnef_of(part.content(raw)[0]) for part in structure.leaves if is_tnef(part) and not is_body(part))
    return [file for one in found if one is not None for file in one.files]


def _attachment_of(number: int, file: TnefFile) -> Attachment:
    kind = file.mime_type.lower() if "/" in file.mime_type else _UUENCODED_TYPE
    is_inline = bool(file.content_id) and kind.startswith("image/")
    return Attachment(
        number, file_name(file.name), kind, len(file.content), one_line(file.content_id), is_inline, False
    )


def _hidden_by(part: Part) -> str:
    """A sentence, if this part holds the text where only a key opens it."""
    if part.content_type in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        kind = part.parameters.get("smime-type", "").lower()
        return _OPAQUE if kind == "signed-data" else _ENCRYPTED.format(how=" (S/MIME)")
    if part.content_type == "application/pgp-encrypted":
        return _ENCRYPTED.format(how=" (OpenPGP)")
    return ""


def _outermost_alternative(part: Part) -> Part:
    """What decides which texts are forms of the same piece: the outermost alternative around the part, else itself."""
    found = part
    while part.parent is not None:
        part = part.parent
        if part.content_type == "multipart/alternative":
            found = part
    return found


def _joined(sections: list[_Section]) -> tuple[str, str]:
    any_text = any(section.text for section in sections)
    any_html = any(section.html for section in sections)
    texts = [_as_text(section) for section in sections] if any_text else []
    htmls = [_as_html(section) for section in sections] if any_html else []
    return "\n".join(texts), "\n".join(htmls)


def _as_text(section: _Section) -> str:
    return "\n".join(section.text or [summary_of_html(piece) for piece in section.html])


def _as_html(section: _Section) -> str:
    return "\n".join(section.html or [f"<pre>{html.escape(piece)}</pre>" for piece in section.text if piece.strip()])
