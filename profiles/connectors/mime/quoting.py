"""What is new in a mail, and what it only quotes. One pass over the lines, by marks that mailers are known to set."""

from __future__ import annotations

import re
from html import unescape

_READ = 20_000  # characters that a preview looks at
PREVIEW = 200
_MOST_LINES = 20_000
_LONGEST_LINE = 500
_VERBS = (
    r"wrote|writes|schrieb\b.{0,80}|a écrit|escribió|ha scritto|scrisse|schreef\b.{0,80}|skrev\b.{0,80}|escreveu|"
    r"napisał(?:\(a\)|a)?|napsal(?:\(a\)|a)?|kirjoitti|написал(?:а|\(а\))?|пишет|írta|yazdı|写道|寫道|のメール"
)
_ATTRIBUTION = re.compile(rf"(?:.*\S)?\s?(?:{_VERBS})\s?[:：]$", re.IGNORECASE)
_BEGINS_ATTRIBUTION = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Den|Em|W dniu|Dnia|Dne|Il giorno|Vào|\d{4}[-/年.]|\d{1,2}[./]\d|"
    r"[\w.]{2,9},? \d{1,2}\b).{0,400}(?:\d|@)",
    re.IGNORECASE,
)
_RULE = re.compile(
    r"(?:-{2,}|_{3,}|\*{3,})\s?(?:Original[ -]?(?:Message|Nachricht|Mail|appointment)|Ursprüngliche Nachricht|"
    r"Message d['’]origine|Mensaje original|Messaggio originale|Oorspronkelijk bericht|Ursprungligt meddelande|"
    r"Opprinnelig melding|Oprindelig meddelelse|Mensagem original|Wiadomość oryginalna|Исходное сообщение|原始邮件|"
    r"Forwarded [Mm]essage|Weitergeleitete Nachricht|Message transféré|Mensaje reenviado|Messaggio inoltrato)",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"\*?(?:From|Von|De|Da|Van|Från|Fra|Od|От|Feladó|Lähettäjä|Kimden|发件人|寄件者|差出人)\*?\s?[:：]\*?\s?\S"
)
_FIELD = re.compile(
    r"\*?(?:Sent|Date|To|Cc|Subject|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado(?: el)?|Para|Asunto|Inviato|Data|A|"
    r"Oggetto|Verzonden|Aan|Onderwerp|Skickat|Till|Ämne|Sendt|Til|Emne|Wysłano|Do|Temat|Assunto|Odesláno|Komu|Předmět|"
    r"Отправлено|Кому|Тема|Küldve|Címzett|Tárgy|Lähetetty|Vastaanottaja|Aihe|发送时间|收件人|主题|送信日時|宛先|件名)\*?\s?[:：]",
    re.IGNORECASE,
)
# Only lines that begin or end like this are looked at more closely.
_SUSPECT = re.compile(r"[>*_-]|.*[:：]\s*$|(?:\*?\w{2,9}|发件人|寄件者|差出人)\s?[:：]|.{0,40}\d")
_QUOTE_TAG = re.compile(
    r"<blockquote\b|<[^<>]{1,60}\b(?:gmail_quote|gmail_attr|OutlookMessageHeader|yahoo_quoted|moz-cite-prefix|protonmail_quote|"
    r"divRplyFwdMsg|appendonsend|zmail_extra|WordSection0)\b",
    re.IGNORECASE,
)
# Tags that neither hide a text nor begin a quote: most of a mail, so a run of them is one step.
_PLAIN_TAGS = re.compile(r"(?:<(?!style|script|head|title|template|div|block|span|!--)[^<>]*>\s*)+", re.IGNORECASE)
_UNSEEN = re.compile(r"<(style|script|head|title|template)\b", re.IGNORECASE)
_ENDS = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("style", "script", "head", "title", "template")}
_BODY = re.compile(r"<body\b", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]+"
)


def split_quote(text: str) -> tuple[str, str]:
    """A text as what is new and what is quoted below it; the two joined are the text. Where somebody answered between
    the quoted lines, or nothing is new, nothing is taken for quoted."""
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        return text, ""
    at = _quote_begins(lines)
    new = "\n".join(lines[:at])
    if at >= len(lines) or not new.strip():
        return text, ""
    return new + "\n", "\n".join(lines[at:])


def preview_of(text: str, html: str) -> str:
    """The beginning of what is new, at most 200 characters on one line, from the first 20 000 characters."""
    if text.strip():
        return _short(_new_lines(text[:_READ]))
    return _short(_visible_text(html)) if html else ""


def _short(text: str) -> str:
    text = text[: 4 * PREVIEW]
    if not (text.isascii() and text.isprintable()):
        text = _INVISIBLE.sub(" ", text)
    line = " ".join(text.split())
    return line if len(line) <= PREVIEW else line[: PREVIEW - 1].rstrip() + "…"


def _new_lines(text: str) -> str:
    """The lines that are neither quoted nor the signature, until they are enough for a preview."""
    lines = text.split("\n")
    found: list[str] = []
    size = skip_to = 0
    for number, line in enumerate(lines):
        if number < skip_to or not line or line.isspace() or line.startswith(">"):
            continue
        line = line[:_LONGEST_LINE]
        if _is_signature_mark(line):
            break
        if _SUSPECT.match(line):
            kind, end = _mark_at(lines, number)
            if kind == _BLOCK and found:
                break
            if kind == _INTRODUCTION:
                skip_to = end + 1
                continue
        found.append(line)
        size += len(line) + 1
        if size > PREVIEW:
            break
    return " ".join(found) if found else text


def _is_signature_mark(line: str) -> bool:
    return line.startswith("-- ") and not line.strip("- \r")


_INTRODUCTION = 1  # "On Monday Ann wrote:"
_BLOCK = 2  # everything below is quoted


def _mark_at(lines: list[str], number: int) -> tuple[int, int]:
    """Whether a quote begins at this line, how, and the last line of the mark itself; (0, …) if none does."""
    line = lines[number].strip()[:_LONGEST_LINE]
    if _RULE.match(line) or (_FROM.match(line) and _is_header_block(lines, number)):
        return _BLOCK, number
    if line.startswith("____") and not line.strip("_"):
        following = _next_text(lines, number)
        begins = following is not None and _FROM.match(lines[following].strip()) and _is_header_block(lines, following)
        return (_BLOCK if begins else 0), number
    end = _attribution_end(lines, number)
    following = _next_text(lines, end) if end >= 0 else None
    if following is None:
        return 0, number
    return (_INTRODUCTION if lines[following].startswith(">") else _BLOCK), end


def _is_header_block(lines: list[str], number: int) -> bool:
    """Outlook's block: From, Sent, To and Subject below each other."""
    return sum(bool(_FIELD.match(line.strip()[:80])) for line in lines[number + 1 : number + 7]) >= 2


def _attribution_end(lines: list[str], number: int) -> int:
    """The line in which an attribution that begins here ends, as mailers wrap it over up to three; −1 if none does."""
    joined = ""
    for index in range(number, min(number + 3, len(lines))):
        line = lines[index].strip()
        if not line or line.startswith(">") or len(joined) + len(line) > _LONGEST_LINE:
            return -1
        joined = f"{joined} {line}" if joined else line
        if joined.endswith((":", "：")) and _ATTRIBUTION.match(joined):
            return index if _BEGINS_ATTRIBUTION.match(joined) or (_next_is_quoted(lines, index)) else -1
    return -1


def _next_is_quoted(lines: list[str], number: int) -> bool:
    following = _next_text(lines, number)
    return following is not None and lines[following].startswith(">")


def _next_text(lines: list[str], number: int) -> int | None:
    """The next line that is not blank, within a few."""
    for index in range(number + 1, min(number + 6, len(lines))):
        if lines[index].strip():
            return index
    return None


def _quote_begins(lines: list[str]) -> int:
    """The number of the line from which on everything is quoted; the number of lines if nothing is."""
    last_new = _last_new_line(lines)
    for number, line in enumerate(lines):
        if not _SUSPECT.match(line[:_LONGEST_LINE]):
            continue
        if line.startswith(">"):
            if last_new < number:
                return number
            continue
        kind, end = _mark_at(lines, number)
        if kind == _BLOCK or (kind == _INTRODUCTION and last_new <= end):
            return number
    return len(lines)


def _last_new_line(lines: list[str]) -> int:
    """The last line that is neither blank nor quoted, a signature at the end aside."""
    last = -1
    before_signature: int | None = None
    for number, line in enumerate(lines):
        if _is_signature_mark(line):
            before_signature = last
        elif line.startswith(">"):
            before_signature = None  # somebody quoted a text with a signature above this
        elif line and not line.isspace():
            last = number
    return last if before_signature is None else before_signature


def _visible_text(html: str) -> str:
    """About as much text of an HTML body as a preview needs, without what it quotes if anything is new."""
    begin = _BODY.search(html, 0, _READ)
    start = begin.start() if begin else 0
    piece = html[start : start + _READ]
    return _text_between_tags(piece, stop_at_quote=True) or _text_between_tags(piece, stop_at_quote=False)


def _text_between_tags(html: str, *, stop_at_quote: bool) -> str:
    """Tags are skipped, not understood."""
    pieces: list[str] = []
    size = position = 0
    while size <= 2 * PREVIEW and position < len(html):
        tag = html.find("<", position)
        text = html[position : tag if tag >= 0 else len(html)]
        if text and not text.isspace():
            pieces.append(text)
            size += len(text)
        if tag >= 0 and (plain := _PLAIN_TAGS.match(html, tag)):
            position = plain.end()
        elif tag < 0 or (stop_at_quote and _QUOTE_TAG.match(html, tag)):
            break
        else:
            position = _after_tag(html, tag)
    return " ".join(unescape(" ".join(pieces)).split())


def _after_tag(html: str, tag: int) -> int:
    """Where the text goes on after a tag, a comment, or an element that shows nothing."""
    if html.startswith("<!--", tag):
        end, length = html.find("-->", tag), 3
    elif unseen := _UNSEEN.match(html, tag):
        found = _ENDS[unseen[1].lower()].search(html, unseen.end())
        end, length = (found.start() if found else -1), 2
    else:
        end, length = html.find(">", tag), 1
    return end + length if end >= 0 else len(html)
