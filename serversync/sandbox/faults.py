"""Failing on demand: by address, and by faults that are planted through the control endpoint.

By address: a recipient, or the mailbox being used, whose local part contains `temperror`, `permerror`, `timeout` or
`refuse`, or has an SMTP code (`451@`, `bob.550@`) as one of its parts, always fails in that way.

By plan: a `Fault` waits for requests of a face, an operation and a mailbox, and has one effect of the table `EFFECTS`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any

EFFECTS: dict[str, frozenset[str]] = {  # what it does, and the fields that say how
    "drop": frozenset({"after_bytes"}),  # closes the connection, after so many bytes of the answer if given
    "truncate": frozenset({"after_bytes"}),  # the body of the answer ends early, without an error
    "hang": frozenset({"seconds"}),  # says nothing for so long, then closes the connection
    "latency": frozenset({"seconds"}),  # the right answer, late
    "throttle": frozenset({"delay_seconds", "text"}),  # "too busy", with the delay where there is a place for it
    "status": frozenset({"status", "retry_after", "code"}),  # an HTTP status; `code` goes into X-CasErrorCode
    "soap": frozenset({"code", "text", "delay_seconds"}),  # a SOAP fault; the delay becomes BackOffMilliseconds
    "response": frozenset({"code", "text"}),  # an error response message inside a good envelope
    "html": frozenset({"text"}),  # a web page with status 200, as proxies and portals answer
    "garbage": frozenset(),  # bytes that are no answer in any protocol
    "pop3": frozenset({"text"}),  # -ERR and the text
    "smtp": frozenset({"code", "text"}),  # the reply code and the text
    "lie": frozenset({"extra_bytes"}),  # sizes told are wrong by so many bytes
}
FACES = ("*", "smtp", "pop3", "ews")


class FaultError(ValueError):
    """A planted fault makes no sense; `str()` is a sentence for people."""


@dataclass
class Fault:
    """One fault: whom it waits for, how often it strikes, and what it does.

    `times` None means until cleared; `skip` matching requests pass first. With `after_effect` the work is done before
    the fault strikes, so that only the answer is lost. `seconds`, `delay_seconds` and `retry_after` are in seconds.
    """

    effect: str
    face: str = "*"
    operation: str = "*"
    mailbox: str = "*"
    times: int | None = None
    skip: int = 0
    after_effect: bool = False
    after_bytes: int | None = None
    seconds: float = 3600.0
    delay_seconds: float | None = None
    status: int = 503
    retry_after: int | None = None
    code: str = ""
    text: str = ""
    extra_bytes: int = 0
    id: str = ""

    def waits_for(self, face: str, operation: str, mailboxes: tuple[str, ...]) -> bool:
        """Whether this request is one the fault was planted for."""
        return (
            self.face in ("*", face)
            and self.operation in ("*", operation.upper())
            and (self.mailbox == "*" or self.mailbox in {m.lower() for m in mailboxes})
        )

    def words(self) -> str:
        """The text of the fault, or a sentence where none was given."""
        if self.text or self.delay_seconds is None:
            return self.text or "The server has a problem"
        return f"Try again in {self.delay_seconds:g} seconds"

    def as_json(self) -> dict[str, Any]:
        """The fault as the control endpoint shows it: only the fields that its effect uses."""
        common = {"id", "effect", "face", "operation", "mailbox", "times", "skip", "after_effect"}
        return {key: value for key, value in asdict(self).items() if key in common | EFFECTS[self.effect]}


BY_WORD: dict[str, Fault] = {
    "temperror": Fault("throttle", code="451", text="4.3.0 Try again later"),
    "permerror": Fault("response", code="550", text="5.1.1 No such mailbox here"),
    "timeout": Fault("hang"),
    "refuse": Fault("drop"),
}
SMTP_CODE = re.compile(r"(?:^|[.+_-])([45]\d\d)(?:$|[.+_-])")


def address_fault(address: str) -> Fault | None:
    """How this address always fails, or None. Its `code` is the SMTP reply code, where there is a reply."""
    local = address.partition("@")[0].lower()
    code = SMTP_CODE.search(local)
    if code:
        model = BY_WORD["temperror" if code[1].startswith("4") else "permerror"]
        return replace(model, code=code[1], text=f"{code[1][0]}.0.0 This address always answers {code[1]}")
    return next((replace(fault) for word, fault in BY_WORD.items() if word in local), None)


class Faults:
    """The planted faults, in the order in which they were planted. The first that waits for a request gets it."""

    def __init__(self) -> None:
        self.planted: dict[str, Fault] = {}
        self._numbers = count(1)

    def plant(self, description: dict[str, Any]) -> Fault:
        """Plant a fault from its JSON description. Raises FaultError if it makes no sense."""
        fault = replace(parse_fault(description), id=f"fault-{next(self._numbers)}")
        self.planted[fault.id] = fault
        return fault

    def match(self, face: str, operation: str, *mailboxes: str) -> Fault | None:
        """The fault that strikes this request, if any; one of its `times` is consumed. Addresses that always fail come
        last, so that a planted fault can be tried on them too."""
        for fault in list(self.planted.values()):
            if not fault.waits_for(face, operation, mailboxes):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            self._consume(fault)
            return fault
        return next((found for mailbox in mailboxes if (found := address_fault(mailbox))), None)

    def clear(self) -> None:
        """Forget all planted faults."""
        self.planted.clear()

    def _consume(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            del self.planted[fault.id]


def parse_fault(description: dict[str, Any]) -> Fault:
    """A fault from its JSON description. Raises FaultError for unknown effects, faces or fields and for wrong types."""
    effect = description.get("effect")
    if effect not in EFFECTS:
        raise FaultError(f"The effect must be one of {', '.join(EFFECTS)}, not {effect!r}.")
    allowed = EFFECTS[effect] | {"effect", "face", "operation", "mailbox", "times", "skip", "after_effect"}
    unknown = sorted(set(description) - allowed)
    if unknown:
        raise FaultError(f"The effect {effect!r} does not use {', '.join(unknown)}.")
    if description.get("face", "*") not in FACES:
        raise FaultError(f"The face must be one of {', '.join(FACES)}, not {description['face']!r}.")
    fault = Fault(**{key: _typed(key, value) for key, value in description.items()})
    if fault.times is not None and fault.times < 1:
        raise FaultError("times is at least 1, or null for a fault that stays until it is cleared.")
    return replace(fault, operation=fault.operation.upper(), mailbox=fault.mailbox.lower())


def _typed(key: str, value: Any) -> Any:
    """The value as its field has it; numbers may come as text and codes as numbers."""
    kinds: dict[str, type] = {
        "times": int, "skip": int, "after_bytes": int, "status": int, "retry_after": int, "extra_bytes": int,
        "seconds": float, "delay_seconds": float,
    }  # fmt: skip
    if key == "after_effect" and not isinstance(value, bool):
        raise FaultError(f"after_effect is true or false, not {value!r}.")
    if key == "after_effect":
        return value
    if value is None and key in ("times", "after_bytes", "retry_after", "delay_seconds"):
        return None
    try:
        return kinds.get(key, str)(value)
    except (TypeError, ValueError) as error:
        raise FaultError(f"{key} cannot be {value!r}.") from error
