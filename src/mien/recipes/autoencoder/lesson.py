"""What a step of the recipe `autoencoder` teaches each of its networks."""

from collections.abc import Generator as Generated
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.data.pairs import Pair
from mien.losses.codes import deltas
from mien.losses.colours import apart, differing
from mien.losses.likeness import Likeness
from mien.nn.ada import augmented
from mien.nn.encoders import Encoder4Editing, Inverter
from mien.nn.mapper import LevelsMapper
from mien.nn.stylegan2 import Generator, losses
from mien.recipes.autoencoder.options import AutoencoderConfig
from mien.training import AdaptiveStrength, Learner, Run
from mien.training.lazy import Scored, lazy_r1

_R1_EVERY = 16  # steps
_CRITIC_R1 = 10.0  # the critic shall not know codes much better than the mapping makes them

Pictures = Float[Tensor, "b 3 s s"]
Codes = Float[Tensor, "b l d"]


class Together(nn.Module):
    """What is learned as one."""

    def __init__(self, encoder: Inverter, generator: Generator, mapper: LevelsMapper) -> None:
        super().__init__()
        self.encoder, self.generator, self.mapper = encoder, generator, mapper


@dataclass(frozen=True, eq=False)
class Lesson:
    """All networks, and what a step teaches each."""

    config: AutoencoderConfig
    run: Run
    learner: Learner  #: of `Together`
    judge: Learner  #: of pictures
    critic: Learner  #: of codes
    likeness: Likeness
    strength: AdaptiveStrength

    def step(self, pair: Pair, draws: torch.Generator) -> dict[str, Tensor | float]:
        """One lesson for everybody; returns what to tell."""
        found = self._found(torch.cat([pair.photo, pair.before]))
        w = self._made_up(len(found), draws)
        codes = torch.cat([found, self._moved(found[len(pair.photo) :], pair.change)])
        real = torch.cat([pair.photo, pair.before, pair.after])
        again = self._drawn(codes, draws)
        terms = self._apart(again, real, pair) | {"deltas": deltas(found)}
        shown = self._shown(again, w, draws) if self.run.step > self.config.contest_from * self.config.steps else None
        with _resting(self.critic, self.judge):
            terms["mapping"] = losses.generator_loss(self.critic.network(w))
            if shown is not None:
                terms["contest"] = losses.generator_loss(self._judged(shown, draws))
            self.learner.learn(sum((self._weight(name) * term for name, term in terms.items()), real.new_zeros(())), clip=10.0)
        told = self._teach(self.critic, self.critic.network, found[:, 0].detach(), w.detach(), name="critic")
        if shown is not None:
            told |= self._teach(self.judge, lambda seen: self._judged(seen, draws), real[: len(shown)], shown.detach(), name="judge")
        return told | {name: term.detach() for name, term in terms.items()}

    def _shown(self, again: Pictures, w: Float[Tensor, "k d"], draws: torch.Generator) -> Float[Tensor, "h 3 s s"]:
        """What is to be judged, which costs as much as all the rest: half a batch, one half drawn again, the other made up."""
        few = len(again) // 8 * 2  # of each, so that all are whole groups of what looks at them
        return torch.cat([again[:few], self._drawn(self._networks.generator.spread(w[:few]), draws)])

    @property
    def _networks(self) -> Together:
        return cast(Together, self.learner.network)

    def _found(self, real: Pictures) -> Codes:
        """Codes of pictures; in the first part of the run only some rows have something of their own."""
        config = self.config
        grown = (self.run.step / config.steps - config.single) / max(config.whole - config.single, 1e-6)
        stage = int(np.clip(grown, 0, 1) * (self._networks.generator.rows - 1))
        with self.run.fabric.autocast():
            return cast(Encoder4Editing, self._networks.encoder.encoder)(real, stage).float()

    def _made_up(self, count: int, draws: torch.Generator) -> Float[Tensor, "b d"]:
        with self.run.fabric.autocast():
            return self._networks.generator.map(_normal((count, self.config.code), draws)).float()

    def _moved(self, codes: Codes, change: Float[Tensor, "b n"]) -> Codes:
        with self.run.fabric.autocast():
            return self._networks.mapper.move(codes, change).float()

    def _drawn(self, codes: Codes, draws: torch.Generator) -> Pictures:
        """Pictures with noise of their own."""
        noises = [_normal((len(codes), *noise.shape[1:]), draws) for noise in self._networks.generator.stored()]
        with self.run.fabric.autocast():
            return self._networks.generator(codes, noises).float()

    def _apart(self, again: Pictures, real: Pictures, pair: Pair) -> dict[str, Tensor]:
        """How far pictures drawn again are from what they were, and two expressions of one person from what differs between them."""
        with self.run.fabric.autocast():
            distance = self.likeness(again, real)
        count = len(pair.photo)
        differs = differing(pair.before, pair.after)
        weight = torch.cat([torch.ones_like(differs), *[1 + self.config.focus * differs] * 2])
        change = again[2 * count :] - again[count : 2 * count] - (pair.after - pair.before)
        colours = {"colours": apart(again - real, weight), "change": apart(change, weight[count : 2 * count])}
        return colours | {"grids": distance.grids, "identity": distance.identity}

    def _weight(self, term: str) -> float:
        """The option of that name; the mapping, which learns from nothing else, counts as it is."""
        return float(getattr(self.config, term, 1.0))

    def _judged(self, pictures: Float[Tensor, "h 3 s s"], draws: torch.Generator) -> Float[Tensor, "h 1"]:
        """Logits of pictures, augmented."""
        kinds = self.config.augment
        if kinds != "none":
            pictures = augmented(pictures, self.strength.p, draws, kinds=kinds)
        with self.run.fabric.autocast():
            return self.judge.network(pictures).float()

    def _teach(self, learner: Learner, score: Scored, real: Tensor, made: Tensor, *, name: str) -> dict[str, Tensor | float]:
        """To tell the real from the made up; now and then, not to change steeply about real ones."""
        of_real = score(real)
        loss = losses.discriminator_loss(of_real, score(made))
        learner.learn(loss, clip=None)
        lazy_r1(self.run, learner, score, real, weight=self.config.r1 if learner is self.judge else _CRITIC_R1, every=_R1_EVERY)
        told: dict[str, Tensor | float] = {name: loss.detach()}
        return told | ({"overfits": self.strength.see(of_real), "p": self.strength.p} if name == "judge" else {})


@contextmanager
def _resting(*learners: Learner) -> Generated[None]:
    """They pass on gradients, and take none."""
    for learner in learners:
        learner.network.requires_grad_(False)
    yield
    for learner in learners:
        learner.network.requires_grad_(True)


def _normal(shape: tuple[int, ...], draws: torch.Generator) -> Float[Tensor, "..."]:
    return torch.randn(shape, generator=draws, device=draws.device)
