"""The inside of an opening mouth: drawn teeth, gums and tongue in the light of the photo, and the photo's own teeth where it shows them."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from mien.geometry.drawing import teeth
from mien.geometry.drawing.box import Box, sample
from mien.geometry.drawing.morph import Moved, Sitting
from mien.geometry.drawing.slit import Slit
from mien.geometry.drawing.warp import Grid, draw

_NODES = 320  # on the longer side of a mouth
_LIPS = (0, 37, 267, 17, 84, 314, 39, 269)  # landmarks on the red of the lips
_ENAMEL = np.array([1.02, 1.0, 0.95])  # a warm white, mean 1
_CAVITY = np.array([0.30, 0.125, 0.11])  # of the brightness of teeth
_SHUT = 0.12  # cm: a photo whose lips part by less shows nothing of its inside
_PEEP = 0.2  # cm of the upper row under the upper lip of a mouth that was shut and drops open
_STRETCH = 0.12  # cm by which the photo's own teeth may be stretched before anything new is uncovered
_TONGUE = np.array([1.0, 0.68, 0.66])  # of the colour of gums
_BARE = 0.35  # of the height of the teeth in the photo: how much more of them a rising lip can bare
_SHADOW = 0.45  # cm below the upper lip over which its shadow fades
_BACK = 2.3  # cm along the arch where teeth sink into the dark


@dataclass(frozen=True, eq=False)
class Look:
    """Colours of one mouth, sRGB 0..255, and what the photo shows of its inside."""

    enamel: Float[np.ndarray, " 3"]
    gum: Float[np.ndarray, " 3"]
    line: Float[np.ndarray, " 3"]  #: where the lips meet at rest, head space
    blur: float  #: sigma in pixels of the blur of the photo on this face
    offset: Float[np.ndarray, " 2"]  #: pixels by which teeth must be moved to stand where the photo has them
    split: float  #: the photo's own upper teeth reach down to this share of its opening, 0..1


def look(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting, skin: Float[np.ndarray, " 3"], white: Float[np.ndarray, " 3"]) -> Look:
    """Read the colours of a mouth off the photo; `white` is what the whites of the eyes look like there."""
    marks = np.round(sitting.landmarks[list(_LIPS)]).astype(int)
    inside = (marks >= 0).all(1) & (marks < [rgb.shape[1], rgb.shape[0]]).all(1)
    reach = max(1, int(0.1 * sitting.code.pose.scale))
    soft = cv2.blur(rgb, (2 * reach + 1, 2 * reach + 1))
    lips = soft[marks[inside, 1], marks[inside, 0]].astype(float).mean(0) if inside.any() else skin
    brightest = float(np.clip(1.2 * white.mean(), 1.3 * skin.mean(), 1.9 * skin.mean()))
    hue = _ENAMEL * (skin / skin.mean()) ** 0.3
    enamel = np.minimum(brightest, 215.0) * hue
    gum = np.clip(0.6 * lips + 0.25 * enamel * [1.0, 0.62, 0.62], 0, 235)
    line = teeth.lip_line(sitting)
    split = 0.0 if _shut(sitting) else _split(rgb, sitting.slits["lip"])
    return Look(enamel, gum, line, _blur(rgb, sitting), _offset(sitting, line, split), split)


def _shut(sitting: Sitting) -> bool:
    """Whether the photo shows nothing between the lips."""
    aperture = sitting.slits["lip"].aperture
    return aperture < max(3.0, _SHUT * sitting.code.pose.scale)


def _blur(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting) -> float:
    """Blur of the photo around the mouth, from how much its strongest edges lose by one more blur (Zhuo & Sim 2011)."""
    reach = 4.0 * sitting.code.pose.scale
    x, y = sitting.slits["lip"].frame.origin
    part = rgb[max(0, int(y - 2 * reach)) : max(1, int(y + reach)), max(0, int(x - reach)) : max(1, int(x + reach))]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), 0.7)  # noise is no edge
    again = cv2.GaussianBlur(grey, (0, 0), 1.5)
    slopes = [np.hypot(cv2.Sobel(g, cv2.CV_32F, 1, 0), cv2.Sobel(g, cv2.CV_32F, 0, 1)) for g in (grey, again)]
    strong = slopes[0] >= np.percentile(slopes[0], 97)
    ratio = float(np.median(slopes[0][strong] / np.maximum(slopes[1][strong], 1e-3)))
    sigma = 1.5 / np.sqrt(max(ratio**2 - 1.0, 0.05))
    return float(np.clip(np.sqrt(max(sigma**2 - 0.49, 0.0)), 0.0, 0.25 * sitting.code.pose.scale))


def _offset(sitting: Sitting, line: Float[np.ndarray, " 3"], split: float) -> Float[np.ndarray, " 2"]:
    """From where the head has the biting edge of the upper row to where the photo has it.

    A shut mouth hides it just below the line of the lips; an open one shows it, unless the upper lip hides it.
    """
    slit, scale = sitting.slits["lip"], sitting.code.pose.scale
    edge = teeth.upper(line).edge
    at = sitting.code.pose.project(edge[None])[0, :2]
    s = float(slit.frame.to(at)[0])
    s = float(np.clip(s, slit.s[0] + 0.35 * slit.length, slit.s[-1] - 0.35 * slit.length))
    upper, lower = (float(t[0]) for t in slit.at(np.array([s])))
    own = upper + split * (lower - upper)
    if _shut(sitting):
        own = upper + 0.26 * scale
    elif split == 0.0:
        own = upper - 0.05 * scale
    return slit.frame.back(np.array([s, own])) - at


def _split(rgb: UInt8[np.ndarray, "h w 3"], slit: Slit) -> float:
    """How far down the opening of the photo its upper teeth reach: where brightness, followed from above, falls for good."""
    across = np.linspace(0.05, 0.95, 32, dtype=np.float32)
    s = np.linspace(slit.s[0] + 0.3 * slit.length, slit.s[-1] - 0.3 * slit.length, 24)
    upper, lower = slit.at(s)
    st = np.stack([np.broadcast_to(s, (32, 24)), upper + across[:, None] * (lower - upper)], axis=-1)
    grey = sample(rgb, slit.frame.back(st)).astype(np.float32).mean(axis=(1, 2))
    top = float(grey[:16].max())
    if top - float(grey.min()) < 25.0:
        return 1.0 if top > 90.0 else 0.0
    bright = np.flatnonzero(grey > grey.min() + 0.5 * (top - grey.min()))
    first = bright[0]
    run = first + int(np.argmax(np.append(grey[first:] < grey.min() + 0.4 * (top - grey.min()), True)))
    share = float(across[min(run, 31)]) if first < 16 else 0.0
    return 1.0 if share > 0.72 else share


def paint(
    canvas: Float32[np.ndarray, "h w 3"], box: Box, rgb: UInt8[np.ndarray, "a b 3"], sitting: Sitting, moved: Moved, *, look: Look
) -> None:
    """Draw the open mouth into a canvas of warped skin that covers a box of the crop."""
    slit, scale = moved.slits["lip"], sitting.code.pose.scale
    st = slit.frame.to(box.pixels())
    cover = slit.inside(st, max(0.6, 0.02 * scale, look.blur)).astype(np.float32)
    if slit.aperture < 0.5 or not cover.any():
        return
    inner = _drawn(sitting, moved, look, box)
    if not _shut(sitting):
        own, share = _own(rgb, sitting, moved, look, st)
        inner += share[..., None] * (own - inner)
    photo = box.of(rgb).astype(np.float32)
    inner = photo + slit.moved(sitting.slits["lip"], st[..., 0])[..., None] * (inner - photo)
    canvas += cover[..., None] * (inner - canvas)


def _drawn(sitting: Sitting, moved: Moved, look: Look, box: Box) -> Float32[np.ndarray, "h w 3"]:
    """Teeth, gums, tongue and the dark behind, at the pixels of a box."""
    step = max(0.5, max(box.width, box.height) / _NODES)
    grid = Grid(box.left, box.top, step, int(np.ceil(box.width / step)) + 1, int(np.ceil(box.height / step)) + 1)
    jaw = teeth.jaw(sitting.head, sitting.neutral, moved.points)
    rows = (teeth.upper(look.line), teeth.lower(look.line))
    above = look.offset + _peep(sitting, moved, look)
    corners = np.concatenate([teeth.placed(rows[0], sitting, above), teeth.placed(rows[1], sitting, look.offset, jaw)])
    triangles = torch.from_numpy(np.concatenate([rows[0].triangles, rows[1].triangles + len(rows[0].points)]))
    values = np.concatenate([teeth.tensors(row)[1] for row in rows])
    drawn, seen = draw(corners, values, triangles, grid)
    colours = _coloured(drawn, seen, look, slit=moved.slits["lip"], grid=grid, scale=sitting.code.pose.scale)
    colours = cv2.GaussianBlur(colours, (0, 0), max(0.8, look.blur / step))
    return grid.enlarge(colours, box)


def _peep(sitting: Sitting, moved: Moved, look: Look) -> Float[np.ndarray, " 2"]:
    """Pixels by which the upper row must come down to peep out, where the photo does not tell how far its teeth reach."""
    if not _shut(sitting):
        return np.zeros(2)
    slit, scale = moved.slits["lip"], sitting.code.pose.scale
    edge = sitting.code.pose.project(teeth.upper(look.line).edge[None])[0, :2] + look.offset
    s, t = slit.frame.to(edge)
    upper, lower = (float(margin[0]) for margin in slit.at(np.array([s])))
    peep = min(_PEEP * scale, 0.5 * (lower - upper))
    return max(upper + peep - float(t), 0.0) * slit.frame.across


def _coloured(
    drawn: Float32[np.ndarray, "h w 3"], seen: np.ndarray, look: Look, *, slit: Slit, grid: Grid, scale: float
) -> Float32[np.ndarray, "h w 3"]:
    along, up, kind = drawn[..., 0], drawn[..., 1], np.where(seen, np.round(drawn[..., 2]), -1)
    colours = np.broadcast_to(look.enamel * _CAVITY, drawn.shape).astype(np.float32).copy()
    st = slit.frame.to(grid.nodes())
    upper, lower = slit.at(st[..., 0])
    open_by = np.clip((lower - upper) / scale, 0.0, None)
    under = np.clip((st[..., 1] - upper) / (_SHADOW * scale), 0.0, 1.0)
    over = np.clip((lower - st[..., 1]) / (0.2 * scale), 0.0, 1.0)
    ambient = (0.78 + 0.22 * np.clip(open_by / 0.7, 0, 1)) * (0.78 + 0.22 * under) * (0.85 + 0.15 * over)
    for jaw in (teeth.UPPER, teeth.LOWER):
        here = kind == jaw
        tooth, gum, bright = teeth.crowns(jaw, along[here], up[here])
        sink = 0.18 + 0.82 * np.exp(-((np.abs(along[here]) / _BACK) ** 4))
        lit = (ambient[here] * sink * (1.0 if jaw == teeth.UPPER else 0.82))[:, None]
        base = tooth[:, None] * bright[:, None] * look.enamel + (gum * 0.9)[:, None] * look.gum
        rest = (1 - np.clip(tooth + gum, 0, 1))[:, None] * colours[here]
        colours[here] = base * lit + rest
    here = kind == teeth.TONGUE
    front = np.clip(1.15 - up[here], 0.0, 1.0) * (1 - 0.45 * np.abs(along[here]) ** 2)
    wet = look.gum * _TONGUE * (0.62 * ambient[here] * front * np.clip(open_by[here] / 1.5, 0.3, 1.0))[:, None]
    colours[here] = np.maximum(wet, colours[here])
    return colours


def _own(
    rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting, moved: Moved, look: Look, st: Float32[np.ndarray, "a b 2"]
) -> tuple[Float32[np.ndarray, "a b 3"], Float32[np.ndarray, "a b"]]:
    """The photo's own inner mouth at the pixels `st` (frame of the slit), and how far it is known there.

    What hangs from the skull stays where it is; a lip that rises off it shows more of the same teeth. What rests on the jaw goes with
    the lower lip, behind the upper teeth.
    """
    slit, source, scale = moved.slits["lip"], sitting.slits["lip"], sitting.code.pose.scale
    reach = _STRETCH * scale
    s, t = st[..., 0], st[..., 1]
    u1, l1 = slit.at(s)
    u0, l0 = source.at(s)
    height = np.maximum(look.split * (l0 - u0), 1e-3)
    edge = u0 + height  # of the photo's upper teeth
    bared = np.minimum(np.clip(u0 - u1, 0.0, None), _BARE * height)  # of the crowns under the lip; above them is gum
    upper_t = np.where(t < edge, edge - (edge - t) * height / (height + bared), t)
    hangs = np.maximum(l0 - edge, 1e-3)  # what rests on the jaw: stretched as the mouth opens, behind the upper teeth as it closes
    lower_t = np.where(l1 > l0, edge + (t - edge) * hangs / np.maximum(l1 - edge, hangs), t - (l1 - l0))
    if look.split == 1.0:  # nothing is known below these teeth: let them follow the lower lip a little
        upper_t = edge - (edge + np.clip(l1 - l0, 0.0, reach) - t) * height / (height + bared + np.clip(l1 - l0, 0.0, reach))
    on_skull = (t < edge) | (look.split == 1.0)
    own_t = np.where(on_skull, upper_t, lower_t)
    soft = max(1.0, 0.03 * scale)
    rim = 0.07 * scale * np.clip((np.abs(l1 - l0) - reach) / (0.15 * scale), 0, 1)  # what borders on a lip that moves away is not teeth
    known = np.where(
        on_skull, _ramp(l0 - rim - own_t, soft) * _ramp(own_t - u0, soft), _ramp(own_t - edge, soft) * _ramp(l0 - own_t + soft, soft)
    )
    ends = np.minimum(s - source.s[0], source.s[-1] - s)
    known = known * _ramp(ends, 2 * soft) * (l0 - u0 > 0.5)
    own = sample(rgb, source.frame.back(np.stack([s, own_t], axis=-1)), cv2.INTER_CUBIC).astype(np.float32)
    root = _ramp(u0 - bared - t, 3 * soft) * (look.split > 0)
    own += root[..., None] * (look.gum * 0.85 - own)
    known = np.maximum(known, root * (l0 - u0 > 0.5) * _ramp(ends, 2 * soft))
    return own, known.astype(np.float32)


def _ramp(value: np.ndarray, soft: float) -> np.ndarray:
    return np.clip(value / soft + 0.5, 0.0, 1.0)
