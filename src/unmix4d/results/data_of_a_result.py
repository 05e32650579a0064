"""Whether the data behind a result are still those that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.expected import Expected, changed, counted_exactly, differing

if TYPE_CHECKING:
    from ..engine.matrix import PatternMatrix

__all__ = ["counts_of", "decomposed_view", "expected_of", "linked_matrix", "require_pattern_of", "require_same_data"]


def counts_of(result: Any) -> bool:
    """Whether a result was made from counts whose sums are exact, so that one count more or less shows."""
    dtype = result.settings.get("view", {}).get("dtype", "float32")
    return result.totals is not None and counted_exactly(result.totals, dtype)


def expected_of(result: Any, method: str) -> Expected | None:
    """What the scan of a result must still say when `method` reads it; None where the result does not know it."""
    if result.totals is None or result.mean_pattern is None:
        return None
    totals = result.geometry.from_maps(result.totals[None])[:, 0]
    return Expected(totals, result.geometry.from_images(result.mean_pattern[None])[0], method, counts_of(result))


def linked_matrix(result: Any, method: str) -> PatternMatrix:
    """The matrix of the scan that a result was made from, on behalf of `method`; refused where no data are linked.

    Its first pass refuses data that have changed since.
    """
    if result.source is None:
        raise ValueError(
            f"{method} needs the scan, which is not part of a saved result: load it with unmix4d.load(path, data=scan)"
        )
    return result.source.matrix(result.settings.get("precision", "single")).expect(expected_of(result, method))


def decomposed_view(result: Any) -> Any:
    """The view that was decomposed, of features those; None where no data are linked."""
    return result._view or result.source


def require_pattern_of(result: Any, row: int, col: int, image: np.ndarray, method: str) -> None:
    """Refuse one pattern (det_row, det_col) that is not the one that was there, by its total; NaN where excluded.

    Raises ChangedData.
    """
    if result.totals is None or np.isnan(result.totals[row, col]):
        return  # of an excluded position nothing is known
    if differing(np.nansum(image), result.totals[row, col], np.nanmax(np.abs(result.totals)), _step(result)):
        raise changed(method, f"the total intensity of position ({row}, {col}) is another one")


def require_same_data(result: Any, other: Any, method: str) -> None:
    """Refuse what was made of a result by reading its scan, or some positions of it, again when that has changed.

    result, other: Decomposition.
    Raises ChangedData.
    """
    if result.totals is None or other.totals is None:
        return
    there = np.isfinite(other.totals)
    wrong = differing(other.totals[there], result.totals[there], np.nanmax(np.abs(result.totals)), _step(result))
    if wrong.any():
        raise changed(method, f"{int(wrong.sum())} of {wrong.size} patterns have another total intensity")


def _step(result):
    return 1.0 if counts_of(result) else None
