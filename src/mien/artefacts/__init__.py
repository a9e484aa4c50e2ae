"""Files that do not ship with mien: which there are, under which licence, and how a user gets them."""

from mien.artefacts.entries import Artefact, digest, folder, installed, known, matching, register
from mien.artefacts.fetching import fetch
from mien.artefacts.kept import weight_files
from mien.artefacts.licences import Use, agreed, record

__all__ = ["Artefact", "Use", "agreed", "digest", "fetch", "folder", "installed", "known", "matching", "record", "register", "weight_files"]
