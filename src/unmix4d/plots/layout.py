"""What of a result is drawn, and how large: chosen components, line scans, rows and heights of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["aspect", "chosen_components", "image_height", "innermost", "is_line", "kept_positions", "rows_and_columns",
           "short", "tight", "title_of"]  # fmt: skip


def chosen_components(components: Sequence[int] | None, k: int) -> list[int]:
    """The components a user wants to see, all of `k` by default; ValueError where one does not exist."""
    if components is None:
        return list(range(k))
    try:
        chosen = [checks.count(i, "components", minimum=0, maximum=k - 1) for i in np.atleast_1d(components)]
    except (TypeError, ValueError):
        chosen = []
    if not chosen:
        raise ValueError(f"components must be numbers from 0 to {k - 1}, got {components!r}")
    return chosen


def title_of(result: Any, i: int, word: str = "component", most: int = 40) -> str:
    """What a component is called beside a figure: by its name where it has one, or as that component."""
    names = () if result is None else result.settings.get("names", ())
    return _cut(names[i], most) if any(names) and names[i] else f"{word} {i}"


def short(result: Any, i: int, most: int = 12) -> str:
    """The name or the number of a component where there is little room."""
    return _cut(str(i) if result is None else result.names[i], most)


def _cut(name, most):
    return name if len(name) <= most else f"{name[: most - 1]}…"


def is_line(shape: tuple[int, ...]) -> bool:
    """Whether a scan of this shape is a line, whose maps are drawn as profiles."""
    return min(shape) == 1 and max(shape) > 1


def kept_positions(geometry: ScanGeometry) -> np.ndarray:
    """Positions that are not excluded (scan_row, scan_col)."""
    return geometry.kept_positions.reshape(geometry.scan_shape)


def innermost(mask: np.ndarray, step: Sequence[float]) -> tuple[int, int]:
    """The position of a region where a number can stand, inside also where its centroid is not."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1), sampling=step)[1:-1, 1:-1]
    # Of positions equally deep, the one nearest to the centroid.
    row, col = np.nonzero(depth >= depth.max() * (1 - 1e-9))
    middle = [axis.mean() for axis in np.nonzero(mask)]
    nearest = np.argmin(((row - middle[0]) * step[0]) ** 2 + ((col - middle[1]) * step[1]) ** 2)
    return int(row[nearest]), int(col[nearest])


def aspect(shape: tuple[int, ...], size: Sequence[float]) -> float:
    """Height over width of an image, in calibrated lengths."""
    return shape[0] * size[0] / (shape[1] * size[1])


def image_height(shape: tuple[int, ...], size: Sequence[float], width: float) -> float:
    """Inches of an image in a column, with the right aspect, within reason; a line scan is drawn as a profile."""
    if is_line(shape):
        return 0.9
    return min(max(width * aspect(shape, size), 0.4), 4 * width)


def rows_and_columns(n: int, most: int) -> tuple[int, int]:
    """Rows and columns of `n` panels, at most so many to a row, the rows as even as can be."""
    rows = math.ceil(n / most)
    return rows, math.ceil(n / rows)


def tight(figure: Any, *, h_pad: float = 0.03, hspace: float = 0.02) -> None:
    """Little space between the panels of a figure."""
    figure.get_layout_engine().set(w_pad=0.02, h_pad=h_pad, wspace=0.02, hspace=hspace)
