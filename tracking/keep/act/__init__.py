"""Writes for appointments, contacts and tasks: our records from canonical values, and what is known of their pairs."""
