"""The administrator's home page."""
from typing import Any


def dashboard(request: Any, context: dict[str, Any]) -> dict[str, Any]:
    return context
