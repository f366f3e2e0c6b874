"""The names by which acoustics calls `avi_env.scene.launches`."""

from avi_env.scene.launches import as_warp, launch

__all__ = ["as_warp", "launch"]
