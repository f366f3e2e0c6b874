"""acoustics."""
