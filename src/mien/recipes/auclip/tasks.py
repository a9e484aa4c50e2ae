"""What a run of the recipe `auclip` is about: networks, and faces to learn from and to look at."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lightning_fabric import Fabric
from torch.utils.data import Dataset

from mien import weights
from mien.data.changes import Changes
from mien.data.expressions import AXES, Sitter, open_expressions
from mien.data.layouts import auclip as latents
from mien.data.transfers import Classes, Transfers, told_classes
from mien.errors import UsageError
from mien.faces import identity
from mien.inversion import choosing
from mien.inversion.encoding import encoded
from mien.losses import clip, units
from mien.losses.imitation import Imitation
from mien.losses.likeness import Likeness
from mien.losses.transfer import Transfer
from mien.nn import stylegan2
from mien.nn.mapper import TRAINED, UNITS, LevelsMapper
from mien.nn.redrawer import Redrawer
from mien.recipes.auclip.options import AUCLIPConfig
from mien.recipes.auclip.sitting import calmest, drawn
from mien.recipes.auclip.starting import begin, fresh

Lesson = Imitation | Transfer


class Task(NamedTuple):
    """What a run is about."""

    mapper: LevelsMapper
    lesson: Lesson
    learned: Dataset[Any]
    unseen: Dataset[Any]
    made_for: str  #: the fingerprint of the generator
    sitters: Sequence[Sitter] = ()  #: on whose pictures gains are measured
    redrawer: Redrawer | None = None  #: how photos of them follow the generator


def of_expressions(config: AUCLIPConfig, fabric: Fabric) -> Task:
    """From pairs of expressions of the same people."""
    if config.mode == "compatible":
        raise UsageError(
            f"{config.data} has expressions of people: a compatible mapper learns from AU-CLIP's data; give its folder with --data"
        )
    found, _, redrawer = choosing.networks(choosing.files(config.generator))
    generator, reader = found.generator, units.opened(config.reader)
    if tuple(reader.units) != AXES:
        raise UsageError(
            f"the reader reads {len(reader.units)} units, not the {len(AXES)} that the pictures' labels have: leave --reader out"
        )
    each = {split: open_expressions(config.data, split) for split in ("train", "val")}
    seeds = {"train": config.options.seed, "val": config.options.seed + 1}
    samples = {
        split: Changes(faces, encoded(faces, found.encoder, fabric), generator.size, config.pairs, seeds[split])
        for split, faces in each.items()
    }
    lesson = Imitation(generator, found.measure, reader, samples["train"].spread())
    mapper = fresh(config, generator, AXES)
    if config.depth == 1 and config.start is None:
        begin(mapper, samples["train"])
    return Task(mapper, lesson, samples["train"], samples["val"], stylegan2.fingerprint(generator), calmest(samples["val"]), redrawer)


def of_latents(config: AUCLIPConfig) -> Task:
    """From AU-CLIP's data."""
    as_published = config.mode == "compatible"
    stored = weights.load(choosing.generator(config.generator))
    generator = stylegan2.generator(stored)
    seen = Likeness(identity.recognizer().network) if config.identity else None
    comparer = clip.opened(config.clip_weights, as_published=as_published) if config.clip else None
    reader = units.opened(config.reader) if config.units else None
    samples: list[Transfers] = []
    for number, split in enumerate(("train", "test")):
        found = latents.read(config.data, split)
        if found.codes.shape[1:] != (generator.rows, generator.code):
            held = " x ".join(map(str, found.codes.shape[1:]))
            raise UsageError(
                f"{config.data} has codes of {held}, {stored.path} takes {generator.rows} x {generator.code}: give its --generator"
            )
        classes = Classes(found, told_classes(config.data, split)) if comparer else None
        samples.append(Transfers(found, classes, as_published=as_published, seed=config.options.seed + number))
    mapper = fresh(config, generator, UNITS)
    reach = TRAINED if as_published else mapper.reach
    lesson = Transfer(generator, seen, comparer, reader, reach=reach, as_published=as_published)
    learned, unseen = samples
    seated = () if as_published else drawn(generator, unseen.latents)
    return Task(mapper, lesson, learned, unseen, stylegan2.fingerprint(generator), seated)
