"""Measured data that ships with the package; each file's licence is the note beside it."""
