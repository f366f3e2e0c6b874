"""Scenes that people own, in their own formats: Habitat data sets, HM3D, MP3D, Replica, Gibson, ProcTHOR."""
