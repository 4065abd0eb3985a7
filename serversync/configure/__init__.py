"""Configuring an installation from a TOML file: `configure(file, now)`. docs/configure.md shows every table."""

from serversync.configure.apply import Outcome, configure
from serversync.configure.document import BadConfiguration, Problem

__all__ = ["BadConfiguration", "Outcome", "Problem", "configure"]
