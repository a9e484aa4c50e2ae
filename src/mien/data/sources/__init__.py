"""Where pictures come from: a folder, a zip, an LMDB, tar shards or a crop set, all behind one small protocol.

`open_source` finds the kind by looking. A source knows its pictures by name in an order that never changes, decodes one when it is
asked for, and lists what it could not take. It travels to the workers of a `DataLoader`: files are opened anew in each process.
"""

from mien.data.sources.cached import Cached
from mien.data.sources.opening import has_splits, open_source
from mien.data.sources.pictures import Pictures, check
from mien.data.sources.protocol import Source

__all__ = ["Cached", "Pictures", "Source", "check", "has_splits", "open_source"]
