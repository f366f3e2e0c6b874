"""Articulated objects of Habitat data sets: links at rest, and what is said of those that cannot be read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from habitat_samples import CONFIG, HIGH, LOW, QUARTER, SCENE, expected, marker, save, tables
from scan_samples import box_quads, save_glb

from avi_env.scene import SceneWarning
from avi_env.scene.datasets.habitat_scene import load_habitat


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        yield


URDF = """<?xml version="1.0"?>
<robot name="fridge">
  <link name="base"/>
  <link name="body">
    <visual><origin xyz="0 0 0.5" rpy="0 0 0"/><geometry><mesh filename="body.glb" scale="1 2 1"/></geometry></visual>
    <collision><geometry><box size="1 1 1"/></geometry></collision>
  </link>
  <link name="door">
    <visual><geometry><mesh filename="body.glb"/></geometry></visual>
  </link>
  <joint name="stand" type="fixed">
    <parent link="base"/><child link="body"/><origin xyz="0 1 0" rpy="1.5707963267948966 0 0"/>
  </joint>
  <joint name="hinge" type="revolute">
    <parent link="body"/><child link="door"/><origin xyz="0.5 0 0"/><axis xyz="0 1 0"/>
    <limit lower="0" upper="2" effort="1" velocity="1"/>
  </joint>
</robot>
"""


def articulated(folder: Path, urdf: str = URDF, config: dict[str, Any] | None = None, **row: Any) -> Path:
    """Writes the data set with one articulated object and returns its configuration's path."""
    files = tables()
    files[SCENE]["articulated_object_instances"] = [{"template_name": "fridge"} | row]
    files[CONFIG]["articulated_objects"] = {"paths": {".urdf": ["urdf/*"]}}
    if config is not None:
        files[CONFIG]["articulated_objects"] = {"paths": {".json": ["urdf/*"]}}
        files["urdf/fridge/fridge.ao_config.json"] = config
    path = save(folder, files)
    (folder / "urdf/fridge").mkdir(parents=True, exist_ok=True)
    (folder / "urdf/fridge/fridge.urdf").write_text(urdf)
    save_glb(folder / "urdf/fridge/body.glb", [(1, quad) for quad in box_quads(LOW, HIGH, inside=False)])
    return path


@pytest.mark.parametrize("config", [None, {"semantic_id": 20, "uniform_scale": 0.5}, {"urdf_filepath": "fridge.urdf"}])
def test_articulated_objects_at_rest(tmp_path: Path, config: dict[str, Any] | None) -> None:
    """Links hang on their joints' origins with all joints at 0; x, y, z turn about fixed axes, scale comes first."""
    row = {"translation": [3.0, 0.2, -2.0], "rotation": QUARTER, "initial_joint_pose": [1.0]}
    scene = load_habitat(articulated(tmp_path, config=config, **row), "one")
    factor = (config or {}).get("uniform_scale", 1.0)

    def stand(v: np.ndarray) -> np.ndarray:  # a quarter turn about x: y to z, z to -y; then 1 m up
        return np.array([v[0], -v[2] + 1.0, v[1]])

    body = expected(lambda v: stand(v * [1.0, 2.0, 1.0] + [0.0, 0.0, 0.5]))
    door = expected(lambda v: stand(v + np.array([0.5, 0.0, 0.0])))
    low, high = np.minimum(body[0], door[0]), np.maximum(body[1], door[1])
    np.testing.assert_allclose([low, high], [[0.1, 0.4, 0.0], [1.4, 1.2, 1.2]], rtol=0, atol=1e-12)
    low, high = low * factor, high * factor  # a quarter turn about y: x to -z, z to x
    box = [[low[2] + 3, low[1] + 0.2, -high[0] - 2], [high[2] + 3, high[1] + 0.2, -low[0] - 2]]
    np.testing.assert_allclose(marker(scene), box, rtol=0, atol=1e-6)
    assert scene.objects[-1].category == ("chair" if factor == 0.5 else "fridge")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</robot>", "", "not valid XML"),
        ("robot", "sdf", "its top is <sdf>"),
        ('<mesh filename="body.glb"/>', '<box size="1 1 1"/>', "link 'door' shows no mesh"),
        ('<child link="door"/>', "", "joint 'hinge' needs a parent and a child"),
        ('<parent link="base"/>', '<parent link="door"/>', "hangs on itself"),
        ('xyz="0 1 0" rpy', 'xyz="0 1" rpy', "'0 1' must be three finite numbers"),
        ('scale="1 2 1"', 'scale="1 two 1"', "'1 two 1' must be three"),
        ("body.glb", "doors.glb", "doors.glb"),
        ("visual", "hidden", "it shows nothing"),
    ],
)
def test_unreadable_articulated_objects(tmp_path: Path, old: str, new: str, message: str) -> None:
    """What cannot be read is left out, and the warning says why."""
    with pytest.warns(SceneWarning, match="1 articulated objects are left out: fridge") as caught:
        scene = load_habitat(articulated(tmp_path, URDF.replace(old, new)), "one")
    assert any(message in str(w.message) for w in caught)
    assert scene.objects[-1].category == "chair"
