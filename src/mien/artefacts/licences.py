"""Which licences a user was shown, when, and for what: a line of JSON each in ``licences.jsonl`` beside the files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from mien.artefacts.entries import Artefact, folder
from mien.errors import WeightsError


@dataclass(frozen=True)
class Use:
    """The first use of an artefact under a licence."""

    name: str
    licence: str
    terms: str
    page: str
    what: str  #: the command: ``get``, ``import`` or ``path``
    when: str  #: ISO 8601, UTC


def _ledger() -> Path:
    return folder() / "licences.jsonl"


def agreed() -> Mapping[str, Use]:
    """The last recorded use of each artefact by name; lines that are not whole are passed over."""
    uses: dict[str, Use] = {}
    if _ledger().is_file():
        for line in _ledger().read_text(encoding="utf-8").splitlines():
            try:
                use = Use(**json.loads(line))
            except (ValueError, TypeError):
                continue
            uses[use.name] = use
    return uses


def record(entry: Artefact, what: str) -> bool:
    """Note the first use of an artefact, and again when its licence is another one now; True when it was noted.

    Raises `WeightsError` when the folder cannot be written.
    """
    before = agreed().get(entry.name)
    if before and (before.licence, before.terms) == (entry.licence, entry.terms):
        return False
    use = Use(entry.name, entry.licence, entry.terms, entry.page, what, datetime.now(UTC).isoformat(timespec="seconds"))
    try:
        _ledger().parent.mkdir(parents=True, exist_ok=True)
        with _ledger().open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(use), ensure_ascii=False) + "\n")
    except OSError as error:
        raise WeightsError(f"cannot note the licence in {_ledger()} ({error}): name another folder with MIEN_CACHE") from error
    return True
