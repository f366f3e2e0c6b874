"""sounds."""
