"""Labels from one mesh of a room to another mesh of the same room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.scene.model import Material, Scene
from avi_env.scene.rays import closest_hit

__all__ = ["labels_from_mesh"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_REACH = 0.15  # [m] farthest a triangle may lie from the labelled mesh along its normal
_NEAR = 0.25  # [m] farthest the nearest labelled vertex may be, where nothing lies along the normal
_CHUNK = 200_000


def labels_from_mesh(
    vertices: FloatArray, triangles: IntArray, labelled: tuple[FloatArray, IntArray], label: IntArray
) -> IntArray:
    """Returns the label of each triangle of a mesh from the nearest place of a labelled mesh, shape (m,); -1 = none.

    A triangle looks from its middle along its normal both ways, up to 15 cm; where it meets nothing, it takes the
    label of the labelled vertex nearest to it, up to 25 cm. Meshes with the same triangles are matched one to one.

    Args:
        vertices: [m], shape (n, 3).
        triangles: vertex indices, shape (m, 3).
        labelled: vertices and triangles of the labelled mesh, in the same frame.
        label: per triangle of the labelled mesh, -1 = none.
    """
    corners = vertices[triangles]
    other = labelled[0][labelled[1]]
    if corners.shape == other.shape and np.allclose(corners, other, atol=1e-4):
        return label.copy()
    middle = corners.mean(axis=1)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    found = np.full(len(triangles), -1, dtype=np.int64)
    scene = _bare_scene(*labelled)
    met = np.zeros(len(triangles), dtype=bool)
    for start in range(0, len(triangles), _CHUNK):
        piece = slice(start, start + _CHUNK)
        nearest = np.full(len(middle[piece]), np.inf)
        for way in (1.0, -1.0):
            # A ray starts a little behind its triangle, so that one upon it is met.
            hits = closest_hit(scene, middle[piece] - 1e-3 * way * normal[piece], way * normal[piece])
            closer = (hits.triangle >= 0) & (hits.distance < np.minimum(nearest, _REACH))
            found[piece][closer] = label[hits.triangle[closer]]
            nearest[closer] = hits.distance[closer]
        met[piece] = np.isfinite(nearest)
    return _nearest_vertices(middle, found, ~met, labelled, label)


def _bare_scene(vertices: FloatArray, triangles: IntArray) -> Scene:
    """Geometry for rays alone; unlike other ways to a scene this one keeps the order of the triangles."""
    count = len(triangles)
    return Scene(
        name="labels",
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        triangle_material=np.zeros(count, dtype=np.int32),
        triangle_object=np.full(count, -1, dtype=np.int32),
        materials=(Material("labels"),),
    )


def _nearest_vertices(
    middle: FloatArray,
    found: IntArray,
    missing: npt.NDArray[np.bool_],
    labelled: tuple[FloatArray, IntArray],
    label: IntArray,
) -> IntArray:
    if not missing.any():
        return found
    from scipy.spatial import cKDTree

    owner = np.full(len(labelled[0]), -1, dtype=np.int64)
    owner[labelled[1].reshape(-1)] = np.repeat(label, 3)
    distance, vertex = cKDTree(labelled[0]).query(middle[missing], distance_upper_bound=_NEAR)
    reached = np.isfinite(distance)
    values = np.full(len(distance), -1, dtype=np.int64)
    values[reached] = owner[vertex[reached]]
    found[missing] = values
    return found
