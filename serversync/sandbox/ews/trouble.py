"""Failing on demand over HTTP: what each effect of a planted fault does to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from serversync.sandbox.ews import soap
from serversync.sandbox.ews.soap import EwsError
from serversync.sandbox.ews.wire import HttpResponse
from serversync.sandbox.faults import Fault

Work = Callable[[], HttpResponse]

PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>{text}</body></html>"
DROPPED = HttpResponse(200, cut_after=0)


def planted_error(fault: Fault | None) -> EwsError | None:
    """The error that goes into every response message, for faults that show there."""
    if fault is None or fault.effect != "response":
        return None
    if fault.code.isdigit():  # an address that always fails brings an SMTP code
        return EwsError("ErrorNonExistentMailbox", fault.text)
    return EwsError(fault.code or "ErrorInternalServerError", fault.text)


def fault_response(error: EwsError) -> HttpResponse:
    """A SOAP fault, which Exchange sends with HTTP 500."""
    return HttpResponse(500, soap.fault(error))


async def strike(fault: Fault, work: Work) -> HttpResponse:
    """The answer to a request that a fault strikes. The work is done first where the effect needs its answer, or where
    the fault says `after_effect`; otherwise it is not done at all."""
    needs_answer = fault.effect in ("truncate", "latency", "response", "lie", "pop3", "smtp")
    needs_answer = needs_answer or (fault.effect == "drop" and fault.after_bytes is not None)
    answer = work() if needs_answer or fault.after_effect else None
    if fault.effect in ("hang", "latency"):
        await asyncio.sleep(fault.seconds)
    if fault.effect in ("hang", "drop") and not needs_answer:
        return DROPPED
    if answer is not None and needs_answer:
        return _damaged(fault, answer)
    return _instead(fault)


def _damaged(fault: Fault, answer: HttpResponse) -> HttpResponse:
    if fault.effect == "drop":
        return replace(answer, cut_after=fault.after_bytes)
    if fault.effect == "truncate":
        return replace(answer, body=answer.body[: fault.after_bytes or len(answer.body) // 2])
    return answer


def _instead(fault: Fault) -> HttpResponse:
    """The answer that is given instead of the real one."""
    if fault.effect == "status":
        return _status(fault)
    if fault.effect == "html":
        return HttpResponse(200, PAGE.format(text=fault.text or "Please sign in.").encode(), "text/html; charset=utf-8")
    if fault.effect == "garbage":
        return HttpResponse(200, b"\x00\xff\x17 garbage \x9c\n", "text/xml; charset=utf-8")
    back_off = None if fault.delay_seconds is None else int(fault.delay_seconds * 1000)
    code = "ErrorServerBusy" if fault.effect == "throttle" else fault.code or "ErrorInternalServerError"
    text = fault.text or "The server cannot service this request right now. Try again later."
    return fault_response(EwsError(code, text, back_off_ms=back_off))


def _status(fault: Fault) -> HttpResponse:
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.code:
        headers["X-CasErrorCode"] = fault.code
    if fault.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
    return HttpResponse(fault.status, b"", "text/html; charset=utf-8", headers)
