"""The house is a test: floors, purity, the sandbox wall, the network's one door, file and function sizes (design.md)."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ["profiles", "mailboxes", "tracking.crm", "tracking", "serversync"]  # ground up
PURE = [
    "tracking.decide",
    "tracking.crm.identity",
    "tracking.crm.names",
    "tracking.crm.recurrence_columns",
    "tracking.crm.tokens",
    "tracking.crm.conversation_index",
    "tracking.crm.display",
    "tracking.crm.fingerprints",
    "tracking.crm.quoted",
    "tracking.crm.sending_rules",
    "mailboxes.access",
    "mailboxes.catalogue",
    "mailboxes.combinations",
    "mailboxes.eligibility",
    "mailboxes.policy",
    "mailboxes.settings_catalogue",
    "serversync.pacing",
    "profiles.items",
    "profiles.encryption",
    "profiles.presets",
    "profiles.connectors.mime",
]
NETWORK = {"socket", "ssl", "smtplib", "poplib", "imaplib", "http", "urllib", "requests", "exchangelib", "asyncio"}
WITH_NETWORK = ["profiles.connectors", "serversync.sandbox", "serversync.demo"]  # the demo steers the sandbox
GRAB_BAGS = {"utils", "helpers", "services", "manager", "common", "misc"}
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("profiles", "mailboxes", "tracking", "serversync"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:
                yield ".".join(parts).removesuffix(".__init__"), path


@cache
def imports(name: str, path: Path) -> tuple[str, ...]:
    return tuple(_imports(name, path))


def _imports(name: str, path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively; absolute names are easier to follow"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(name: str) -> int | None:
    if within(name, ["tracking.crm"]):
        return FLOORS.index("tracking.crm")
    return next((number for number, package in enumerate(FLOORS) if within(name, [package])), None)


def within(name: str, packages: list[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_nobody_imports_from_a_floor_above() -> None:
    for name, path in modules():
        own = floor(name)
        for target in imports(name, path):
            assert floor(target) is None or floor(target) <= own, f"{name} imports {target}"


def test_no_table_refers_to_a_floor_above() -> None:
    for model in apps.get_models():
        own = floor(model.__module__)
        for field in model._meta.get_fields():
            target = field.related_model
            if own is None or not isinstance(field, models.ForeignKey | models.ManyToManyField) or target is None:
                continue
            if target._meta.label == settings.AUTH_USER_MODEL:
                continue
            assert floor(target.__module__) is None or floor(target.__module__) <= own, f"{model} -> {target}"


def test_pure_code_knows_no_django_and_no_network() -> None:
    for name, path in modules():
        if not within(name, PURE):
            continue
        for target in imports(name, path):
            root = target.split(".")[0]
            assert root != "django", f"{name} is pure but imports {target}"
            parses_only = target == "urllib.parse" or target.startswith("urllib.parse.")
            assert parses_only or root not in NETWORK, f"{name} is pure but imports {target}"
            if floor(target) is not None and root != "profiles":
                assert within(target, [*PURE]), f"{name} is pure but imports {target}"


def test_the_network_has_one_door() -> None:
    allowed = {"serversync.cycles.engine", "serversync.cycles.outcome"}  # the host's name only
    for name, path in modules():
        if within(name, WITH_NETWORK):
            continue
        for target in imports(name, path):
            if target == "urllib.parse" or target.startswith("urllib.parse."):
                continue
            touches = target.split(".")[0] in NETWORK - {"asyncio", "http"}
            assert not touches or (name in allowed and target == "socket"), f"{name} imports {target}"


def test_a_wall_stands_between_the_sandbox_and_the_product() -> None:
    assert (ROOT / "serversync" / "__init__.py").read_text() == ""
    for name, path in modules():
        inside = within(name, ["serversync.sandbox"])
        for target in imports(name, path):
            if inside:
                ours = target.split(".")[0] in ("profiles", "mailboxes", "tracking", "serversync", "django")
                assert not ours or within(target, ["serversync.sandbox"]), f"{name} imports {target}"
            else:
                assert not within(target, ["serversync.sandbox"]), f"{name} imports {target}"


@pytest.mark.parametrize("folder", ["profiles", "mailboxes", "tracking", "serversync", "tests"])
def test_files_and_functions_stay_small(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        if "migrations" in path.parts or "node_modules" in path.parts:
            continue
        text = path.read_text()
        assert text.count("\n") <= LONGEST_FILE, f"{path.relative_to(ROOT)} is too long"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                assert size <= LONGEST_FUNCTION, f"{path.relative_to(ROOT)}: {node.name} has {size} lines"


def test_no_module_is_a_grab_bag() -> None:
    for name, _ in modules():
        assert name.rpartition(".")[2] not in GRAB_BAGS, name


def test_nothing_unfinished_and_no_machine_paths_are_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.html"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.fail("git ls-files: " + listed.stderr)
    marks = ["TO" + "DO", "FIX" + "ME", "raise NotImplemented" + "Error"]
    for line in listed.stdout.split():
        text = (ROOT / line).read_text(errors="replace") if (ROOT / line).exists() else ""
        assert not any(mark in text for mark in marks), line
