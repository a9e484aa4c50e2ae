"""A textured mesh as Wavefront OBJ and MTL text."""

from collections.abc import Sequence

import numpy as np

from mien.geometry.exchange.gltf import Surface


def obj(surfaces: Sequence[Surface], materials: str) -> str:
    """The .obj text: a group for each surface; vertices in cm, v up. `materials` is the name of the .mtl file."""
    lines = [f"mtllib {materials}"]
    first = 1
    for surface in surfaces:
        lines += [f"o {surface.name}", f"usemtl {surface.name}"]
        lines += [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in surface.vertices * 100.0]
        lines += [f"vt {u:.6f} {1.0 - v:.6f}" for u, v in surface.uv]
        lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in surface.normals]
        lines += ["f " + " ".join(f"{i}/{i}/{i}" for i in triangle) for triangle in (surface.triangles + first).tolist()]
        first += len(surface.vertices)
    return "\n".join(lines) + "\n"


def mtl(surfaces: Sequence[Surface], texture: str) -> str:
    """The .mtl text; `texture` is the name of the picture."""
    lines: list[str] = []
    for surface in surfaces:
        lines.append(f"newmtl {surface.name}")
        color = np.ones(3) if surface.colors is None else np.power(surface.colors.mean(axis=0), 1 / 2.2)  # as on the screen
        lines += ["Kd " + " ".join(f"{c:.4f}" for c in color), "Ks 0 0 0", "illum 1"]
        lines += [f"map_Kd {texture}"] if surface.colors is None else []
    return "\n".join(lines) + "\n"
