"""Writing what was decided: every write of the incoming path, always inside one transaction per batch."""
