"""Reading what decisions need: at most six selects per batch, whatever its size."""
