"""The warning class of the package, so that a notebook can silence ours and nobody else's."""

from __future__ import annotations

import os
import sys
import warnings

__all__ = ["UnmixWarning", "warn"]


class UnmixWarning(UserWarning):
    """Something about the data or the result that its reader should know.

    Examples
    --------
    >>> import warnings
    >>> from unmix4d import UnmixWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", UnmixWarning)  # ours alone
    """


_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def warn(message: str) -> None:
    """Warn at the line of the user's own code, however deep in the package the reason was found."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UnmixWarning, stacklevel=level)
