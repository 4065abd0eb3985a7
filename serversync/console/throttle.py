"""Slows down guessing of passwords: after ten failures in 15 minutes nobody tries that name from there.

The page on which a person changes their password counts for itself: whoever sits at a desk that was left open cannot
guess on there, nor close the door of the one who left it.
"""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

WINDOW = 15 * 60  # seconds, also of the pause
PER_NAME = 10  # failures of one user name from one address
PER_ADDRESS = 100  # failures from one address, whatever the names


def wait_of(request: HttpRequest, name: str) -> int:
    """Seconds until this name may be tried again from this address; 0 when it may be tried now."""
    return max(_wait(key, most) for key, most in _counters(request, name))


def note_failure(request: HttpRequest, name: str) -> None:
    """One more wrong password."""
    now = timezone.now().timestamp()
    for key, most in _counters(request, name):
        recent = [time for time in cache.get(key, []) if time > now - WINDOW]
        cache.set(key, [*recent, now][-most:], WINDOW)


def forget_failures(request: HttpRequest, name: str) -> None:
    """The right password: the name starts afresh. The address does not, or one account would open the door to all."""
    cache.delete(_counters(request, name)[0][0])


def _wait(key: str, most: int) -> int:
    """The pause begins with the failure that filled the count; the cache forgets the count when it ends."""
    times, now = cache.get(key, []), timezone.now().timestamp()
    return max(0, int(times[-1] + WINDOW - now)) if len(times) >= most else 0


def _counters(request: HttpRequest, name: str) -> list[tuple[str, int]]:
    address = client_address(request)
    return [(_key(f"{name.strip().lower()} {address}"), PER_NAME), (_key(address), PER_ADDRESS)]


def _key(what: str) -> str:
    """Names and addresses are personal: the cache holds their hash."""
    return "login:" + hashlib.sha256(what.encode()).hexdigest()


def client_address(request: HttpRequest) -> str:
    """Who asks. Behind a proxy, the last hop it names: earlier ones are whatever the client wrote."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rsplit(",", 1)[-1].strip() or request.META.get("REMOTE_ADDR", "")
