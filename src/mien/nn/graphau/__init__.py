"""ME-GraphAU and OpenGraphAU: readers of action units that know how units go together."""

from mien.nn.graphau.framing import framed, normalised
from mien.nn.graphau.mirrored import partners, read
from mien.nn.graphau.network import BP4D, DISFA, HYBRID, KINDS, PAIRS, SIDED, GraphAU, Mode, Shape, Told, of
from mien.nn.graphau.relations import Kind

__all__ = [
    "BP4D",
    "DISFA",
    "HYBRID",
    "KINDS",
    "PAIRS",
    "SIDED",
    "GraphAU",
    "Kind",
    "Mode",
    "Shape",
    "Told",
    "framed",
    "normalised",
    "of",
    "partners",
    "read",
]
