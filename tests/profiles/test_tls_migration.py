"""2.6: the flag "use SSL" and the port become one word; what was stored keeps its meaning, forth and back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from profiles.encryption import tls_of
from profiles.items import Tls
from profiles.validation import transport_of

BEFORE, AFTER = [("profiles", "0002_lifecycle")], [("profiles", "0003_tls_modes")]
PORTS = (None, 25, 110, 465, 587, 995, 2110)


def migrated(to: list[tuple[str, str]]) -> Any:
    """The model of profiles after migrating."""
    MigrationExecutor(connection).migrate(to)
    return MigrationExecutor(connection).loader.project_state(to).apps.get_model("profiles", "EmailServerProfile")


@pytest.mark.django_db(transaction=True)
def test_every_flag_and_port_becomes_the_mode_that_it_meant() -> None:
    cases = [(kind, use_ssl, port) for kind in (0, 1) for use_ssl in (True, False) for port in PORTS]
    try:
        old = migrated(BEFORE)
        for kind, use_ssl, port in cases:
            flags = {"incoming_use_ssl": use_ssl, "outgoing_use_ssl": use_ssl}
            ports = {"incoming_port_number": port, "outgoing_port_number": port}
            old.objects.create(name=f"{kind} {use_ssl} {port}", server_type=kind, **flags, **ports)
        new = migrated(AFTER)
        for kind, use_ssl, port in cases:
            row = new.objects.get(name=f"{kind} {use_ssl} {port}")
            assert Tls(row.incoming_tls) is tls_of(transport_of(kind, "incoming"), use_ssl, port)
            assert Tls(row.outgoing_tls) is tls_of(transport_of(kind, "outgoing"), use_ssl, port)
        old = migrated(BEFORE)
        kept = old.objects.values_list("name", "incoming_use_ssl", "outgoing_use_ssl")
        assert {(f"{kind} {use_ssl} {port}", use_ssl, use_ssl) for kind, use_ssl, port in cases} == set(kept)
    finally:
        MigrationExecutor(connection).migrate(MigrationExecutor(connection).loader.graph.leaf_nodes("profiles"))
