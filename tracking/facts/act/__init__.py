"""Reads for appointments, contacts and tasks: our records as canonical values, and what is known of their pairs."""
