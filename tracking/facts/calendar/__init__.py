"""Reads for the pages of appointments, contacts and tasks: what is whose, when it is, and how its copies are doing."""
