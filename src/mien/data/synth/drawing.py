"""Scenes drawn as pictures, many at a time, with the landmarks and buffers that belong to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from torch import Tensor

from mien.data.synth import backdrop
from mien.data.synth.camera import Camera
from mien.data.synth.light import irradiance, towards
from mien.data.synth.scenes import Look, Scene
from mien.data.synth.skin import IRIS_REACH, MASKS, Skin, skin
from mien.geometry import head as heads
from mien.geometry import raster
from mien.geometry.head import PARTS, HeadModel
from mien.geometry.mesh import vertex_normals

FINER = 1.5  #: times as many pixels each way as the picture has, averaged down
#: What there is to know of every pixel, averaged over it; 0 where no head is.
BUFFERS: Mapping[str, str] = MappingProxyType(
    {
        "normals": "127.5 (n + 1), 8 bits, in the camera's axes: x right, y up, z to the viewer",
        "albedo": "the colour in full white light, sRGB, 8 bits",
        "depth": "16 bits: steps of 10 micrometres towards the viewer, from 30 cm behind the origin of the head",
        "mask": "the share that the head covers, of 255, 8 bits",
    }
)
FARTHEST = 30.0  #: cm behind the origin of the head, where depth is 0
DEPTH_STEP = 1e-3  #: cm
_ROW = 256
_UNSEEN = 0.004  # of a colour: a share below this is less than a grey level
_CODES = 4096  # steps of linear light in the table of sRGB
_OPENING = 0.5  # cm: what is within this of a lid or lip lies in its shade
_SHADE = 0.45  # of the light that is left there
_UPPER = 0.25  # cm by which lids and upper lips cast that shade down
_DEEP = 0.02  # share of the light that reaches the throat
_MOUTH = {  # sRGB in full light
    "gums_upper": (176, 92, 92), "gums_lower": (168, 88, 88), "tongue": (184, 98, 98), "mouth": (110, 44, 42),
}  # fmt: skip
_SHINE = {"skin": (0.10, 12.0), "eye": (1.1, 120.0), "lips": (0.22, 30.0), "inside": (0.35, 40.0)}  # strength, and Blinn's exponent


@dataclass(frozen=True, eq=False)
class Render:
    """A picture and what is known of it."""

    rgb: UInt8[np.ndarray, "h w 3"]
    landmarks: Float32[np.ndarray, "468 3"]  #: pixels; z away from the viewer
    buffers: Mapping[str, np.ndarray]  #: those of `BUFFERS` that were asked for


class Renderer:
    """Draws scenes of one head as square pictures of one size."""

    def __init__(self, head: HeadModel, size: int) -> None:
        self._head, self.size = head, size
        self._fine = round(size * FINER)
        self._finer = self._fine / size
        self._skin: Skin = skin(head, int(np.clip(2 * size, 256, 2048)))
        self._bases = tuple(part.double().flatten(1) for part in (head.identity, head.shapes))

    def draw(self, scenes: Sequence[Scene], buffers: Collection[str] = ()) -> list[Render]:
        """Pictures of scenes, with some of `BUFFERS`; a scene's picture does not depend on the others."""
        vertices = self._vertices(scenes)
        marks = self._head.landmarks(vertices).numpy()
        values = self._values(vertices, [s.camera for s in scenes])
        renders: list[Render] = []
        for scene, points, own, landmarks in zip(scenes, vertices.numpy(), values, marks, strict=True):
            picture, known = self._picture(scene, self._seen(scene.camera, points, own), buffers)
            places = scene.camera.project(landmarks)
            places[:, 2] *= -1  # landmarks count away from the viewer
            renders.append(Render(picture, places.astype(np.float32), known))
        return renders

    def buffers(self, vertices: Float[np.ndarray, "v 3"], camera: Camera, names: Collection[str]) -> dict[str, np.ndarray]:
        """Buffers of a head in cm that has no colour of its own: all but ``albedo``."""
        (values,) = self._values(torch.from_numpy(vertices)[None], [camera])
        seen = self._seen(camera, vertices, values)
        plain = np.ones((len(seen.at), 3), np.float32)
        cover = self._averaged(plain[:, :1], seen.at)[..., 0]
        return {name: self._buffer(name, seen, plain, cover) for name in names}

    def _values(self, vertices: Float[Tensor, "b v 3"], cameras: Sequence[Camera]) -> Float[Tensor, "b v 7"]:
        """What is drawn of the vertices: normals in camera axes, texel, light that reaches them, nearness in cm."""
        turned = (vertices @ torch.from_numpy(np.stack([c.pose.rotation for c in cameras])).mT).float()
        fixed = torch.from_numpy(np.c_[self._skin.uv, self._skin.reached]).expand(len(cameras), -1, -1)
        return torch.cat([vertex_normals(turned, self._head.triangles), fixed, turned[..., 2:]], dim=-1)

    def _vertices(self, scenes: Sequence[Scene]) -> Float[Tensor, "b v 3"]:
        """Heads in cm; in float64, so that rounding does not tell how many were drawn at a time."""
        shape = torch.from_numpy(np.stack([s.shape for s in scenes])).double()
        weights = self._head.shape_weights(torch.from_numpy(np.stack([s.aus.values for s in scenes])).float()).double()
        moved = shape @ self._bases[0] + weights @ self._bases[1]
        return self._head.mean.double() + moved.reshape(len(scenes), -1, 3)

    def _seen(self, camera: Camera, points: Float[np.ndarray, "v 3"], values: Float[Tensor, "v 7"]) -> "_Seen":
        """What is at the fine pixels that the head covers."""
        corners = camera.project(points)
        corners[:, :2] = (corners[:, :2] + 0.5) * self._finer - 0.5
        placed = torch.from_numpy(corners).float()
        front = _facing(placed, self._head.triangles)
        triangles, kinds = self._head.triangles.index_select(0, front), self._head.triangle_part.index_select(0, front)
        found = raster.rasterize(placed[None], triangles, self._fine, self._fine)
        covered = found.triangle.flatten()
        at = torch.nonzero(covered >= 0).flatten()
        part = kinds.index_select(0, covered.index_select(0, at)).numpy()
        drawn = raster.interpolate(found, values[None], triangles).flatten(0, 2).index_select(0, at).numpy()
        view = np.full(self._fine**2, -1)
        view[at.numpy()] = part
        view = view.reshape(self._fine, self._fine)
        normals = drawn[:, :3] / np.maximum(np.sqrt(np.einsum("nc,nc->n", drawn[:, :3], drawn[:, :3])), 1e-6)[:, None]
        open_to = drawn[:, 5] * _openings(view, camera.pose.scale * self._finer).ravel()[at.numpy()]
        seen = _Seen(at.numpy(), part, _sampled(self._skin.masks, drawn[:, 3], drawn[:, 4]), normals, open_to, drawn[:, 6])
        return _stopped(seen, view)

    def _picture(self, scene: Scene, seen: "_Seen", buffers: Collection[str]) -> tuple[UInt8[np.ndarray, "h w 3"], dict[str, np.ndarray]]:
        rng = np.random.default_rng([*scene.seed, 1])
        albedo = _albedo(seen.masks, seen.part, scene.look)
        linear = albedo * (irradiance(scene.light, seen.normals) * seen.open_to[:, None]) + _shine(seen, scene)
        front = self._averaged(np.concatenate([_coded(linear), np.ones((len(linear), 1), np.float32)], axis=1), seen.at)
        picture, cover = backdrop.wall(self.size, rng), front[..., 3]
        above = irradiance(scene.light, np.array([0.0, 0.5, 0.866]))
        backdrop.shoulders(picture, scene.camera, scene.look.cloth, above, rng)
        picture = front[..., :3] + (1 - cover[..., None]) * picture
        return _photographed(picture, rng), {name: self._buffer(name, seen, albedo, cover) for name in buffers}

    def _averaged(self, values: Float32[np.ndarray, "n c"], at: Int[np.ndarray, " n"]) -> Float32[np.ndarray, "h w c"]:
        """Values at fine pixels, 0 at others, as means over the pixels of the picture."""
        fine = np.zeros((self._fine**2, values.shape[1]), np.float32)
        fine[at] = values
        return cv2.resize(fine.reshape(self._fine, self._fine, -1), (self.size,) * 2, interpolation=cv2.INTER_AREA).reshape(
            self.size, self.size, -1
        )

    def _buffer(self, name: str, seen: "_Seen", albedo: Float32[np.ndarray, "n 3"], cover: Float32[np.ndarray, "h w"]) -> np.ndarray:
        """One of `BUFFERS`."""
        if name == "mask":
            return np.round(255 * cover).astype(np.uint8)
        some = cover[..., None] > 0
        if name == "normals":
            mean = self._averaged(seen.normals, seen.at)
            mean /= np.maximum(np.linalg.norm(mean, axis=2, keepdims=True), 1e-6)
            return np.where(some, np.round(127.5 * (mean + 1)), 0).astype(np.uint8)
        if name == "albedo":
            mean = self._averaged(_coded(albedo), seen.at) / np.maximum(cover, 1e-6)[..., None]
            return np.where(some, np.clip(np.round(mean), 0, 255), 0).astype(np.uint8)
        fine = np.zeros(self._fine**2, np.float32)
        fine[seen.at] = (seen.near + FARTHEST) / DEPTH_STEP
        nearest = cv2.dilate(fine.reshape(self._fine, -1), np.ones((2, 2), np.uint8))
        front = cv2.resize(nearest, (self.size,) * 2, interpolation=cv2.INTER_NEAREST) * (cover > 0)
        return np.clip(np.round(front), 0, 65535).astype(np.uint16)


@dataclass(frozen=True, eq=False)
class _Seen:
    """The fine pixels that a head covers."""

    at: Int[np.ndarray, " n"]  #: their places
    part: Int[np.ndarray, " n"]  #: index into `PARTS`
    masks: dict[str, Float32[np.ndarray, " n"]]  #: 0..1
    normals: Float32[np.ndarray, "n 3"]  #: camera axes
    open_to: Float32[np.ndarray, " n"]  #: share of the light that reaches them
    near: Float32[np.ndarray, " n"]  #: cm towards the viewer from the origin of the head


def _facing(corners: Float[Tensor, "v 3"], triangles: Int[Tensor, "t 3"]) -> Int[Tensor, " n"]:
    """Triangles that turn their outside to the viewer: y runs down, so that their corners go clockwise."""
    (x0, y0), (x1, y1), (x2, y2) = ([c.index_select(0, v) for c in corners[:, :2].unbind(1)] for v in triangles.unbind(1))
    return torch.nonzero((x1 - x0) * (y2 - y0) < (y1 - y0) * (x2 - x0)).flatten()


def _stopped(seen: _Seen, view: Int[np.ndarray, "f f"]) -> _Seen:
    """With every hole stopped through which the world behind would shine: the bag of the mouth is open at its end."""
    outlines, _ = cv2.findContours((view >= 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(view.shape, np.uint8), outlines, -1, 1, thickness=-1)
    hole = np.flatnonzero((filled > 0) & (view < 0))
    if not len(hole):
        return seen
    count = len(hole)
    deep = seen.part == PARTS.index("mouth")
    near = np.float32(seen.near[deep].min() if deep.any() else 0.0)
    return _Seen(
        np.r_[seen.at, hole], np.r_[seen.part, np.full(count, PARTS.index("mouth"))],
        {name: np.r_[mask, np.zeros(count, np.float32)] for name, mask in seen.masks.items()},
        np.r_[seen.normals, np.tile(np.array([[0.0, 0.0, 1.0]], np.float32), (count, 1))],
        np.r_[seen.open_to, np.full(count, _DEEP, np.float32)], np.r_[seen.near, np.full(count, near)],
    )  # fmt: skip


def _sampled(masks: Sequence[UInt8[np.ndarray, "s s 4"]], x: np.ndarray, y: np.ndarray) -> dict[str, Float32[np.ndarray, " n"]]:
    """The masks of the skin at texels."""
    rows = -(-len(x) // _ROW)
    u, v = (np.resize(place, rows * _ROW).reshape(rows, _ROW) for place in (x, y))  # as a picture, as remap wants it
    found = [cv2.remap(m, u, v, cv2.INTER_LINEAR).reshape(-1, 4)[: len(x)].T for m in masks]
    return dict(zip(MASKS, np.concatenate(found).astype(np.float32) / np.float32(255), strict=True))


@cache
def renderer(size: int) -> Renderer:
    """The renderer of the head that ships with mien."""
    return Renderer(heads.bundled(), size)


def _linear(colour: Float[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n 3"]:
    """Linear light 0..1 of sRGB 0..255 (IEC 61966-2-1)."""
    value = np.asarray(colour, np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@cache
def _table() -> Float32[np.ndarray, " n"]:
    value = np.arange(_CODES + 1) / _CODES
    return (255 * np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)).astype(np.float32)


def _coded(linear: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """Linear light to sRGB 0..255; what is brighter than white is white."""
    return _table()[(np.clip(linear, 0.0, 1.0) * _CODES + 0.5).astype(np.int32)]


def _albedo(mask: Mapping[str, np.ndarray], part: Int[np.ndarray, " n"], look: Look) -> Float32[np.ndarray, "n 3"]:
    """The colour of everything in full white light, linear."""
    uneven = 1 + look.mottle * (4 * (mask["mottle"] - 0.5) + 3 * (mask["coarse"] - 0.5))
    uneven *= 1 - look.rings * mask["rings"] - 0.25 * mask["creases"]
    if look.freckles:
        uneven *= 1 - 0.35 * look.freckles * mask["freckles"]
    tone = _linear(look.skin)
    colour = uneven[:, None] * tone
    _mix(colour, tone * np.array([1.02, 0.72, 0.70], np.float32), look.blush * mask["blush"])
    _mix(colour, _linear(look.lips), mask["lips"])
    hair, grain = _linear(look.hair), np.clip(0.2 + 1.6 * mask["strands"], 0.0, 1.0)
    for name, density in (("beard", 0.8 * look.beard), ("scalp", look.scalp), ("brows", look.brows)):
        _mix(colour, hair, density * grain * mask[name])
    for number in np.unique(part):
        name, mine = PARTS[number], np.flatnonzero(part == number)
        if name.startswith("eye"):
            colour[mine] = _eye(mask["iris"][mine] * IRIS_REACH, mask["strands"][mine], look)
        elif name.startswith("teeth"):
            colour[mine] = _linear(look.teeth)
        elif name in _MOUTH:
            colour[mine] = _linear(np.array(_MOUTH[name], float))
    return colour


def _mix(colour: Float32[np.ndarray, "n 3"], other: Float32[np.ndarray, " 3"], share: Float32[np.ndarray, " n"]) -> None:
    """Cover a share of a colour with another one, in place."""
    some = np.flatnonzero(share > _UNSEEN)
    if len(some):
        colour[some] += share[some, None] * (other - colour[some])


def _eye(away: Float32[np.ndarray, " n"], streaks: Float32[np.ndarray, " n"], look: Look) -> Float32[np.ndarray, "n 3"]:
    """White, iris and pupil by the distance from the middle in radii of the iris."""
    iris = _linear(look.iris) * (0.7 + 0.8 * streaks[:, None]) * (1.0 - 0.55 * np.clip((away - 0.72) / 0.25, 0, 1))[:, None]
    white = _linear(np.array([226.0, 217.0, 210.0])) * (1 - 0.12 * np.clip(away - 1.3, 0, 1))[:, None]
    edge, pupil = np.clip((away - 0.94) / 0.12, 0, 1)[:, None], np.clip((0.44 - away) / 0.08, 0, 1)[:, None]
    ball = iris + edge * (white - iris)
    return (ball + pupil * (0.004 - ball)).astype(np.float32)


def _openings(part: np.ndarray, centimetre: float) -> Float32[np.ndarray, "f f"]:
    """The share of light that lids and lips leave to what lies between them, most of it from below; 1 on the skin."""
    inner = (part > 1).astype(np.float32)
    reach = 2 * max(1, round(_OPENING * centimetre / 2)) + 1
    drop = round(_UPPER * centimetre)
    low = np.zeros_like(inner)
    low[drop:] = inner[: len(inner) - drop]
    free = np.clip(2 * cv2.blur(low, (reach, reach)) - 0.25, 0.0, 1.0)
    return np.where(part > 1, _SHADE + (1 - _SHADE) * free, 1.0).astype(np.float32)


def _shine(seen: _Seen, scene: Scene) -> Float32[np.ndarray, "n 3"]:
    """What the surface mirrors of the strongest light (Blinn 1977), linear."""
    mask, part, lamp = seen.masks, seen.part, towards(scene.light.astype(np.float64))
    half = lamp + np.array([0.0, 0.0, 1.0])
    facing = np.clip(seen.normals @ (half / max(float(np.linalg.norm(half)), 1e-6)).astype(np.float32), 1e-3, 1.0)
    kind = np.where(part <= 1, np.where(mask["lips"] > 0.5, 2, 0), np.where(part <= 3, 1, 3))
    strength, power = np.array(list(_SHINE.values()), np.float32).T
    strength = strength * np.array([scene.look.shine, 1.0, scene.look.shine, 1.0], np.float32)
    hair = np.maximum(mask["scalp"] * np.float32(scene.look.scalp), mask["brows"])
    amount = strength[kind] * np.exp(power[kind] * np.log(facing)) * (1 - 0.7 * hair) * seen.open_to
    return amount[:, None] * (0.6 * irradiance(scene.light, lamp)).astype(np.float32)


def _photographed(picture: Float32[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """As a camera has it: a little blur and grain."""
    blur, grain = rng.uniform(0.0, 0.55), rng.uniform(0.0, 4.0)
    if blur > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    picture = picture + grain * rng.standard_normal(picture.shape, np.float32)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
