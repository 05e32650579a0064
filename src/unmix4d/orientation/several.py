"""Which orientations stand at every position, best first: of two components, and two of each that is ambiguous."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

__all__ = ["at_positions"]


def at_positions(matches, painting) -> SimpleNamespace:
    """What a native map holds: ``component`` and ``is_rival``, (scan_row, scan_col, n) with n of at least 2; -1: nothing.

    matches: sequence of Match.
    painting: Painting.
    """
    possible = np.array([match.two_possible for match in matches] + [False])
    pairs = [(index, rival) for index in (painting.first, painting.second) for rival in (False, True)]
    component = np.stack([np.where(possible[index] | (not rival), index, -1) for index, rival in pairs], axis=-1)
    # What is not there goes to the end, whatever is stays in its order.
    order = np.argsort(component < 0, axis=-1, kind="stable")
    is_rival = np.broadcast_to([rival for _, rival in pairs], component.shape)
    component, is_rival = (np.take_along_axis(one, order, -1) for one in (component, is_rival))
    n = max(2, int((component >= 0).sum(-1).max(initial=0)))
    return SimpleNamespace(component=component[..., :n], is_rival=is_rival[..., :n] & (component[..., :n] >= 0))
