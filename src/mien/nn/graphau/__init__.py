"""ME-GraphAU and OpenGraphAU: readers of action units that know how units go together."""

from mien.nn.graphau.framing import framed, normalised
from mien.nn.graphau.network import BP4D, DISFA, HYBRID, KINDS, PAIRS, SIDED, GraphAU, Mode, Shape, of
from mien.nn.graphau.relations import Kind

__all__ = ["BP4D", "DISFA", "HYBRID", "KINDS", "PAIRS", "SIDED", "GraphAU", "Kind", "Mode", "Shape", "framed", "normalised", "of"]
