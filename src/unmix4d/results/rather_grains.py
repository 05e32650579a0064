"""Which components a call is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import checks

__all__ = ["rather_grains"]


def rather_grains(components: Sequence[int] | None, result: Any) -> list[int]:
    """Those asked for; or all but what the answer itself says is no grain (`no_grains`).

    components: sequence of int, or None.
    result: Decomposition.
    """
    k = result.k
    if components is None:
        return [i for i in range(k) if i not in result.no_grains] or list(range(k))
    entries = np.atleast_1d(np.asarray(components, dtype=object)).ravel()
    chosen = [checks.count(i, "components", minimum=0, maximum=k - 1) for i in entries]
    if not chosen or len(set(chosen)) != len(chosen):
        raise ValueError(f"components must be different numbers from 0 to {k - 1}, got {components!r}")
    return chosen
