"""Our rasteriser against the published one."""

import numpy as np
import torch

from mien.geometry.raster import rasterize


def test_rasterize(cases):
    """The published rasteriser of DECA (pytorch3d's rules), away from its edges."""
    case = np.load(cases / "rasterize" / "case.npz")
    corners = torch.tensor(case["in_vertices"], dtype=torch.float64)[None].clone()
    corners[..., :2] = (corners[..., :2] + 1) * 32 - 0.5  # [-1, 1] to pixel centres
    corners[..., 2] *= -1  # z runs away from the camera there
    triangles = torch.tensor(case["in_faces"].astype(np.int64))
    fragments = rasterize(corners, triangles, 64, 64)
    safe = case["safe_mask"].astype(bool)
    assert np.array_equal(fragments.triangle[0].numpy()[safe], case["p3d_face"][safe])
    inside = safe & (case["p3d_face"] >= 0)
    assert np.abs(fragments.barycentric[0].numpy()[inside] - case["p3d_bary"][inside]).max() < 1e-4
