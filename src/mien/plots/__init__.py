"""Pictures of readings: a photo with what was read of its faces, a video's action units over time, where units are seen in a face."""

from mien.plots.maps import heatmaps
from mien.plots.photos import photo
from mien.plots.style import REGION_COLORS
from mien.plots.videos import video
from mien.plots.writing import write

__all__ = ["REGION_COLORS", "heatmaps", "photo", "video", "write"]
