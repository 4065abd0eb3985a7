"""From bytes in some charset to text, whatever the mail says about itself. Nothing here raises."""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import lru_cache

from charset_normalizer import from_bytes

# Names that mail uses otherwise than Python does: the supersets that senders mean, and names Python has never heard of.
_MEANT = {
    "iso_8859_1": "cp1252",
    "iso8859_1": "cp1252",
    "latin_1": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "x_ansi": "cp1252",
    "win_1252": "cp1252",
    "iso_8859_9": "cp1254",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_6_e": "iso8859_6",
    "gb2312": "gb18030",
    "gb_2312": "gb18030",
    "gb_2312_80": "gb18030",
    "gb2312_charset": "gb18030",
    "gbk": "gb18030",
    "x_gbk": "gb18030",
    "cp936": "gb18030",
    "ks_c_5601": "cp949",
    "ks_c_5601_1987": "cp949",
    "ks_c_5601_1989": "cp949",
    "euc_kr": "cp949",
    "x_windows_949": "cp949",
    "windows_949": "cp949",
    "shift_jis": "cp932",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "x_sjis": "cp932",
    "windows_31j": "cp932",
    "big5": "cp950",
    "x_x_big5": "cp950",
    "tis_620": "cp874",
    "iso_8859_11": "cp874",
    "windows_874": "cp874",
    "x_mac_roman": "mac_roman",
    "unicode_1_1_utf_7": "utf_7",
    "x_unicode_2_0_utf_7": "utf_7",
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_8": "utf_8",
    "x_utf_8": "utf_8",
    "iso_10646_ucs_2": "utf_16_be",
    "iso_8859_1_i": "cp1252",
    "ansi": "cp1252",
    "koi8_ru": "koi8_u",
    "eucjp_ms": "euc_jp",
    "cp50220": "iso2022_jp_ext",
    "iso_2022_jp_ms": "iso2022_jp_ext",
}
# Names made of a known one: "x-euc-jp", "charset=utf-8", "windows1251", "dos-866", "utf8_general_ci".
_PREFIX = re.compile(r"(?:charset=|x-|cs(?=windows|ibm))+")
_CODE_PAGE = re.compile(r"(?:windows|win|dos|cp|ibm|ms)[-_]?(\d{3,5})$")
# Codecs that are not charsets of mail: some do not give text, some are slow by design, some read escapes.
_NOT_CHARSETS = {
    *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "uu_codec", "zlib_codec", "rot_13"),
    *("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"),
}
_CHARSETS = (
    set(aliases.values()) | {"utf_8_sig", "cp874", "cp720", "cp737", "cp856", "cp1006", "koi8_u"}
) - _NOT_CHARSETS
_WESTERN = {"cp1252", "cp1254", "ascii", "iso8859_15", "mac_roman"}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,39}")
_SHORTEST_TO_DETECT = 64  # bytes; a detector only guesses below
_LONGEST_TO_DETECT = 8192
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?([\w.:+-]{2,40})", re.IGNORECASE)


@lru_cache(maxsize=256)
def codec_of(charset: str) -> str:
    """The Python codec for a charset as a mail names it, or "" if it is unknown and has to be guessed."""
    found = _NAME.match(charset.strip(" \t\r\n\"'").lower().removeprefix("charset="))
    return (_known(found[0]) or _known(_plainly(found[0]))) if found else ""


def _plainly(charset: str) -> str:
    """The name that a made-up one was made of."""
    name = _PREFIX.sub("", charset)
    if page := _CODE_PAGE.match(name):
        return f"cp{page[1]}"
    return "utf-8" if name.startswith(("utf8", "utf-8", "utf_8")) else name


def _known(charset: str) -> str:
    name = normalize_encoding(charset)
    name = _MEANT.get(name) or aliases.get(name) or aliases.get(name.replace("_", "")) or name
    name = _MEANT.get(name, name)
    return name if name in _CHARSETS else ""


def decode(data: bytes, charset: str = "") -> tuple[str, str]:
    """The text of `data`, and a sentence about what had to be repaired ("" if nothing).

    Order: the declared charset, UTF-8, a guess, Windows-1252. The result can be encoded as UTF-8 and holds no NUL.
    """
    codec = codec_of(charset) if charset else ""
    if data.isascii() and codec in ("", "utf_8", "ascii", "cp1252"):
        return without_nul(data.decode("ascii")), ""
    text, warning = _decoded(data, codec, charset)
    return without_nul(text.removeprefix("\ufeff")), warning


def _decoded(data: bytes, codec: str, charset: str) -> tuple[str, str]:
    if codec and codec not in _WESTERN:
        text = _strict(data, codec)
        if text is not None:
            return text, ""
        lenient = data.decode(codec, "replace")
        if lenient.count("\ufffd") <= 1 + len(data) // 200:
            return lenient, f"Some characters are not {_shown(charset)} and were replaced."
    utf_8 = _strict(data, "utf_8")
    if utf_8 is not None:
        return utf_8, f"The text is UTF-8, not {_shown(charset)}." if charset.strip() else ""
    if codec and codec != "ascii" and codec in _WESTERN:
        return _western(data, codec)
    guess = _guess(data)
    return data.decode(guess, "replace"), f"The charset {_shown(charset)} does not fit; the text was read as {guess}."


def _western(data: bytes, codec: str) -> tuple[str, str]:
    text = _strict(data, codec)
    if text is not None:
        return text, ""
    return data.decode(codec, "replace"), f"Some characters are not {codec} and were replaced."


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError, OverflowError):
        return None


def _guess(data: bytes) -> str:
    if len(data) < _SHORTEST_TO_DETECT:
        return "cp1252"
    best = from_bytes(data[:_LONGEST_TO_DETECT], explain=False).best()
    return best.encoding if best and best.encoding in _CHARSETS else "cp1252"


def _shown(charset: str) -> str:
    return f"“{one_line(charset)[:40]}”" if charset.strip() else "that is missing"


def charset_of_html(data: bytes) -> str:
    """The charset an HTML document names in its first 2 kB, for parts whose header names none."""
    found = _META_CHARSET.search(data, 0, 2048)
    return found[1].decode("ascii", "replace") if found else ""


def header_text(value: bytes) -> str:
    """The text of a raw header value: ASCII, or the 8-bit bytes that should not be there, read as well as possible."""
    return value.decode("ascii") if value.isascii() else decode(value)[0]


def without_nul(text: str) -> str:
    """`text` without NUL, and with U+FFFD for lone surrogates, so that every database and UTF-8 can hold it."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8") if _has_surrogates(text) else text


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def one_line(text: str) -> str:
    """`text` for a single line: tabs become spaces, every other control character goes, and so do outer spaces."""
    if not text.isprintable():
        text = _CONTROLS.sub("", text.replace("\t", " "))
    return without_nul(text).strip()
