"""Every error that mien raises on purpose.

::

    MienError                 exit 1: one line that names the value, what is allowed and the cure
    |-- UsageError            exit 2: the request itself makes no sense
    |-- ImageError            a picture cannot be read or written
    |-- VideoError            a video cannot be read or written
    |-- FaceError             no face where one is needed, or not the face asked for
    |-- EditError             an edit cannot be understood, or the engine cannot do it
    |-- DataError             a table, data set or motion file is not as it should be
    |   `-- NoDataError       third-party data is not on this machine
    `-- WeightsError          a weight file is missing, damaged or of another network
        `-- NoWeightsError    a network is needed whose weights are not on this machine
"""

import difflib
from collections.abc import Iterable

_NAMED = 48  # names that still make a line that is read


class MienError(Exception):
    """A problem that the user can mend; its text is one line and says how."""

    exit_code = 1


class UsageError(MienError):
    """The request itself makes no sense: a wrong option, a missing argument."""

    exit_code = 2


class ImageError(MienError):
    """A picture cannot be read or written."""


class VideoError(MienError):
    """A video cannot be read or written."""


class FaceError(MienError):
    """There is no face where one is needed, or not the one asked for."""


class EditError(MienError):
    """An edit cannot be understood, or the engine cannot do it."""


class DataError(MienError):
    """A table, a data set or a motion file is not as it should be."""


class NoDataError(DataError):
    """Third-party data is needed and is not on this machine."""


class WeightsError(MienError):
    """A weight file is missing, damaged, or belongs to another network."""


class NoWeightsError(WeightsError):
    """A network is needed, and no weights of it are on this machine."""


def one_of(value: str, allowed: Iterable[str]) -> str:
    """``"'ahppiness' is not one of ...; did you mean 'happiness'?"``: the end of many messages; too many names are only counted."""
    names = list(allowed)
    near = difflib.get_close_matches(value, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{value!r} is not one of {', '.join(names) if len(names) <= _NAMED else f'{len(names)} names'}{hint}"
