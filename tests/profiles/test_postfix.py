"""SMTP against Debian's Postfix, delivering into Maildirs: the rules of all outboxes."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from profiles.connectors import open_outbox
from profiles.connectors.base import Outbox
from profiles.items import Access, Tls, Transport
from tests.profiles.certificates import make_certificate
from tests.profiles.conformance import OutboxRules, with_crlf
from tests.profiles.debian import free_ports, program, public_directory, running
from tests.profiles.stages import ALICE, PASSWORD, closed_port

pytestmark = pytest.mark.debian
