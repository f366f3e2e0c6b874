"""Primary hits by Embree: the CPU's default. Rays are made, traced in packets and written by one kernel."""
# mypy: disable-error-code="untyped-decorator,empty-body,misc"

from __future__ import annotations

from functools import cache

import torch
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.embree import embree_function, packet_width
from avi_env.scene.launches import launch
from avi_env.scene.rays_embree import EmbreeTrees
from avi_env.vision.camera import Camera
from avi_env.vision.primary import Primary

__all__ = ["TILE", "trace_tiles"]

wp.set_module_options({"enable_backward": False})

TILE = 4
"""Side of the square of pixels whose rays are traced together [pixel]."""


_PACKET = """
    if (lanes == LANES) {
        struct alignas(4 * LANES) Packet {
            float org_x[LANES], org_y[LANES], org_z[LANES], tnear[LANES];
            float dir_x[LANES], dir_y[LANES], dir_z[LANES], time[LANES], tfar[LANES];
            unsigned int mask[LANES], id[LANES], flags[LANES];
            float normal_x[LANES], normal_y[LANES], normal_z[LANES], u[LANES], v[LANES];
            unsigned int triangle[LANES], geometry[LANES], instance[LANES], instance_part[LANES];
        } rays;
        alignas(4 * LANES) int valid[LANES];
        for (int start = 0; start < 16; start += LANES) {
            for (int i = 0; i < LANES; ++i) {
                const int at_row = row + (start + i) / 4, at_column = column + (start + i) % 4;
                const float x = (2.0f * ((float)at_column + 0.5f) / lens[0] - 1.0f) * lens[2];
                const float y = (1.0f - 2.0f * ((float)at_row + 0.5f) / lens[1]) * lens[3];
                rays.org_x[i] = eye[0];
                rays.org_y[i] = eye[1];
                rays.org_z[i] = eye[2];
                rays.dir_x[i] = basis.data[0][0] * x + basis.data[1][0] * y + basis.data[2][0];
                rays.dir_y[i] = basis.data[0][1] * x + basis.data[1][1] * y + basis.data[2][1];
                rays.dir_z[i] = basis.data[0][2] * x + basis.data[1][2] * y + basis.data[2][2];
                rays.tnear[i] = rays.time[i] = 0.0f;
                rays.tfar[i] = INFINITY;
                rays.id[i] = rays.flags[i] = 0u;
                rays.mask[i] = rays.triangle[i] = rays.geometry[i] = 0xffffffffu;
                rays.instance[i] = rays.instance_part[i] = 0xffffffffu;
                valid[i] = at_row < height && at_column < width ? -1 : 0;
            }
            trace(valid, (void*)tree, &rays, &coherent);
            for (int i = 0; i < LANES; ++i) {
                if (!valid[i]) continue;
                const size_t pixel = first_pixel + (size_t)((start + i) / 4) * width + (start + i) % 4;
                const int hit = (int)rays.triangle[i];
                depth.data[pixel] = hit < 0 ? 0.0f : rays.tfar[i];
                if (semantic.shape[0])
                    semantic.data[pixel] = hit < 0 ? -1 : triangle_object.data[first_triangle + hit];
                if (triangle.shape[0]) {
                    triangle.data[pixel] = hit;
                    barycentric.data[pixel] = wp::vec2(rays.u[i], rays.v[i]);
                }
            }
        }
    }
"""


@wp.func_native(
    """
    // The sums are `pixel_direction`'s, in its order: both ways of tracing see the same rays.
    #pragma clang fp contract(off)
    struct Arguments {
        unsigned int flags, features;
        void *context, *filter, *intersect;
        float width;
    } coherent = {1u << 16, 0xffffffffu, nullptr, nullptr, nullptr, 0.0f};
    const int height = depth.shape[1], width = depth.shape[2], lanes = (int)tracer[1];
    const size_t first_pixel = ((size_t)view * height + row) * width + column;
    void (*const trace)(const int*, void*, void*, Arguments*) =
        (void (*)(const int*, void*, void*, Arguments*))tracer[0];
"""
    + "".join(_PACKET.replace("LANES", str(lanes)) for lanes in (16, 8, 4))
)
def _trace_tile(
    tracer: wp.vec2ul,
    tree: wp.int64,
    first_triangle: wp.int64,
    eye: wp.vec3,
    basis: wp.mat33,
    lens: wp.vec4,
    view: wp.int32,
    row: wp.int32,
    column: wp.int32,
    triangle_object: wp.array[wp.int32],
    depth: wp.array3d[wp.float32],
    semantic: wp.array3d[wp.int32],
    triangle: wp.array3d[wp.int32],
    barycentric: wp.array3d[wp.vec2],
) -> None:
    """Traces 4 x 4 pixels of a view and writes what is asked for."""
    ...


@wp.kernel
def _tiles_kernel(
    tracer: wp.vec2ul,
    trees: wp.array2d[wp.int64],
    scene_index: wp.array[wp.int32],
    position: wp.array[wp.vec3],
    basis: wp.array[wp.mat33],
    lens: wp.vec4,
    first: wp.int32,
    triangle_object: wp.array[wp.int32],
    depth_out: wp.array3d[wp.float32],
    semantic_out: wp.array3d[wp.int32],
    triangle_out: wp.array3d[wp.int32],
    barycentric_out: wp.array3d[wp.vec2],
) -> None:
    line, tile = wp.tid()
    tiles = (depth_out.shape[1] + 3) / 4
    view, row = (first + line) / tiles, 4 * ((first + line) % tiles)
    scene = scene_index[view]
    _trace_tile(
        tracer,
        trees[scene, 0],
        trees[scene, 1],
        position[view],
        basis[view],
        lens,
        view,
        row,
        4 * tile,
        triangle_object,
        depth_out,
        semantic_out,
        triangle_out,
        barycentric_out,
    )


@cache
def _tracer(lanes: int) -> wp.vec2ul:
    return wp.vec2ul(embree_function(f"rtcIntersect{lanes}"), lanes)


def trace_tiles(
    bank: SceneBank,
    views: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    camera: Camera,
    out: Primary,
    semantic: torch.Tensor,
    tiles: tuple[int, int],
    lanes: int | None = None,
) -> None:
    """Traces rows of tiles, 4 pixels high, into buffers of whole views; any thread may.

    A packet is a square of pixels of one view, so that no pixel depends on where the work is cut.

    Args:
        bank: the scenes, on the CPU.
        views: scene (B,) int32, eye [m] (B, 3) float32 and basis (B, 3, 3) float32 of each view.
        camera: the intrinsics.
        out: where hits go; depth 0 = no hit. Triangles and barycentrics of shape (0, ...) are not written.
        semantic: where object ids go, (B, H, W) int32, -1 = none; or of shape (0, 0, 0).
        tiles: first and last + 1 of the rows of tiles, counted through all views.
        lanes: rays of a packet: 16, 8 or 4; as many as the processor has vector lanes if not given.
    """
    first, last = tiles
    launch(
        _tiles_kernel,
        (last - first, -(-camera.width // TILE)),
        [
            _tracer(lanes or packet_width()),
            bank.attached(EmbreeTrees).table,
            *views,
            camera.lens,
            first,
            bank.triangle_object,
            out.depth,
            semantic,
            out.triangle,
            out.barycentric,
        ],
        bank.device,
    )
