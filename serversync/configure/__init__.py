"""Configuring an installation from a TOML file: `configure(file, now)`. serversync/demo/demo.toml is an example."""

from serversync.configure.apply import Outcome, configure
from serversync.configure.document import BadConfiguration, Problem

__all__ = ["BadConfiguration", "Outcome", "Problem", "configure"]
