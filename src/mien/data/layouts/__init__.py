"""Published data sets as they lie on disk: read into one kind of table, with every missing or mismatched file named.

Each module reads one: `celeba`, `ffhq`, `affectnet`, `disfa`, `bp4d`, `fgnet` (a `Corpus` each), `auclip` and `rig`, whose pictures
come with latents and buffers.
"""

from mien.data.layouts.corpus import Corpus

__all__ = ["Corpus"]
