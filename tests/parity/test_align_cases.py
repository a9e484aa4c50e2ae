"""Our crops against published ones."""

import json

import numpy as np
from PIL import Image

from mien.faces import bilinear, ffhq, templates

FFHQ, DECA = templates.TEMPLATES["ffhq"], templates.TEMPLATES["deca"]
LEVELS = 2  # grey levels: versions of Pillow differ by this


def stretched(small, height_width):
    height, width = map(int, height_width)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR))


def spread_error(ours, theirs):
    """The largest difference, as a share of the reference's spread."""
    return np.abs(ours - theirs).max() / theirs.std()


def test_ffhq_align(cases):
    """DiffusionRig's alignment: plain, with padding, shrunk first."""
    case = np.load(cases / "ffhq_align" / "case.npz")
    tags = [name.removeprefix("out_") for name in case.files if name.startswith("out_")]
    assert tags
    for tag in tags:
        rgb = stretched(case[f"in_small_{tag}"], case[f"in_hw_{tag}"])
        size, transform = map(int, case[f"in_sizes_{tag}"])
        square = FFHQ.square(case[f"in_kpt_{tag}"].astype(np.float64))
        ours = ffhq.resample(rgb, square, size, transform=transform)[::2, ::2]
        assert np.abs(ours.astype(int) - case[f"out_{tag}"]).max() <= LEVELS, tag


def test_fgnet_ffhq_align(cases):
    """FG-Net's alignment, step by step: corners, shrink, crop, pad and the crop itself."""
    case = np.load(cases / "fgnet_ffhq_align" / "case.npz")
    sets = json.loads((cases / "fgnet_ffhq_align" / "manifest.json").read_text())["config"]["sets"]
    rgb = case["in_image"]
    for i, settings in enumerate(sets):
        square = FFHQ.square(case["in_landmarks"][i])
        assert np.allclose(ffhq.corners_of(square), case["out_quad"][i], atol=1e-8)
        canvas = ffhq.prepared(rgb, square, settings["output_size"], pad=settings["enable_padding"])
        assert np.allclose(canvas.corners, case["out_quad_final"][i], atol=1e-8)
        assert [canvas.shrink, canvas.border, *canvas.crop, *canvas.pad, *canvas.image.size] == case["out_steps"][i].tolist()
        sizes = {"transform": settings["transform_size"], "pad": settings["enable_padding"]}
        ours = ffhq.resample(rgb, square, settings["output_size"], **sizes).astype(int)
        theirs = case[f"out_aligned_{i}"]
        ours = ours if ours.shape == theirs.shape else ours[2::4, 1::4]
        assert np.abs(ours - theirs).max() <= LEVELS, settings["why"]


def test_the_template_is_the_default_of_fgnet(cases):
    """Four times the size, padding on: what `Template.cut` does."""
    case = np.load(cases / "fgnet_ffhq_align" / "case.npz")
    ours = FFHQ.cut(case["in_image"], case["in_landmarks"][0], case["out_aligned_0"].shape[0])
    assert np.abs(ours.astype(int) - case["out_aligned_0"]).max() <= LEVELS


def test_deca_crop(cases):
    """DiffusionRig's crop by landmarks, of the picture itself and of the picture squashed to 256 pixels."""
    case = np.load(cases / "deca_crop" / "case.npz")
    whole = stretched(case["in_small"], case["in_hw"])
    tags = [name.removeprefix("out_tform_") for name in case.files if name.startswith("out_tform_")]
    assert tags
    for tag in tags:
        kind, size = tag.rsplit("_", 1)
        rgb = whole if size == "full" else bilinear.squashed(whole, int(size))
        points = case[f"in_kpt_{kind}"]
        to_photo = DECA.to_photo(points)
        assert spread_error(np.linalg.inv(to_photo), case[f"out_tform_{tag}"]) < 1e-4
        crop = bilinear.pick(rgb, to_photo, DECA.size()) / 255
        assert spread_error(crop.transpose(2, 0, 1)[:, ::4, ::4], case[f"out_image_{tag}"]) < 1e-4, tag
        if f"out_original_{tag}" in case.files:
            theirs = case[f"out_original_{tag}"].transpose(1, 2, 0)
            assert np.abs(rgb[::4, ::4].astype(int) - theirs).max() <= 1, tag  # fractions are cut off: one rounding may differ
