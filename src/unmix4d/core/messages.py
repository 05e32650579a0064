"""The warning class of the package, so that a notebook can silence ours and nobody else's."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

__all__ = ["UnmixWarning", "said_once", "warn"]


class UnmixWarning(UserWarning):
    """Warning about the data or the result of an analysis.

    Examples
    --------
    >>> import warnings
    >>> from unmix4d import UnmixWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", UnmixWarning)  # ours alone
    """


# With what stands between two lines of ours where one is in a `with` statement.
_OURS = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))), contextlib.__file__)


def warn(message: str) -> None:
    """Warn at the line of the user's own code, however deep in the package the reason was found."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UnmixWarning, stacklevel=level)


@contextlib.contextmanager
def said_once() -> Iterator[None]:
    """What is said of each of several scans in the same words is said once, at the end; other warnings as they are."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UnmixWarning)
        yield
    ours = dict.fromkeys(str(one.message) for one in heard if issubclass(one.category, UnmixWarning))
    for message in ours:
        warn(message)
    for one in heard:
        if not issubclass(one.category, UnmixWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
