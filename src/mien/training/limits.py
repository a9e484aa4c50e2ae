"""What the values of an option may be: said in its type, checked when a configuration is made, told in its help.

::

    @dataclass(frozen=True)
    class Options(Checked):
        steps: Count = 100
        size: Annotated[int, Limits(16, multiple=16)] = 48
"""

import dataclasses
import math
import typing
from dataclasses import dataclass
from typing import Annotated, Any

from mien.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """Numbers from `low` to `high`; `beyond`: low itself is not one of them; multiples of `multiple` alone."""

    low: float = 0
    high: float = math.inf
    beyond: bool = False
    multiple: int | None = None

    def __contains__(self, value: float) -> bool:
        """Whether a number may be; NaN and infinity may not."""
        above = value > self.low if self.beyond else value >= self.low
        return above and value <= self.high and math.isfinite(value) and (self.multiple is None or value % self.multiple == 0)

    def __str__(self) -> str:
        """In words: ``at least 1``, ``0 to 1``, ``a multiple of 16, at least 16``."""
        span = f"{self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"{'above' if self.beyond else 'at least'} {self.low:g}"
        return f"a multiple of {self.multiple}, {span}" if self.multiple else span


Count = Annotated[int, Limits(1)]
NotNegative = Annotated[float, Limits()]
Positive = Annotated[float, Limits(beyond=True)]
Share = Annotated[float, Limits(0, 1)]


class Checked:
    """A dataclass of options that cannot be made with values outside their limits."""

    def __post_init__(self) -> None:
        """Raises `UsageError` that names the option, the value and what is allowed."""
        for name, limits in limits_of(type(self)).items():
            if (value := getattr(self, name)) not in limits:
                raise UsageError(f"{name} = {value!r} is not allowed: {limits}")


def limits_of(config: type[Any]) -> dict[str, Limits]:
    """The limits of a dataclass's own options, by name."""
    hints = typing.get_type_hints(config, include_extras=True)
    found: dict[str, Limits] = {}
    for field in dataclasses.fields(config):
        for mark in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(mark, Limits):
                found[field.name] = mark
    return found
