"""Small pictures of components for notebooks: plain PNG, drawn in milliseconds, without a figure."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from ..plots.colours import EXCLUDED, INTENSITIES, MAPS, colour_map, composite_image, rgb
from ..plots.images import intensity_colours, intensity_norm

__all__ = ["data_url", "map_thumbnail", "mixed_maps", "pattern_thumbnail", "thinned"]

_EDGE = 96  # pixels of a thumbnail
_MOST, _MANY = 256, 64  # pixels of the image of all maps; of more maps than that half of them, to be as quick


def data_url(image: np.ndarray) -> str:
    """An image (rows, columns, 3) of 0 to 1 as the address of a PNG."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    pixels = np.ascontiguousarray((255 * np.clip(image, 0, 1)).astype(np.uint8))
    imsave(stream, pixels, format="png", pil_kwargs={"compress_level": 1})  # quickly: it is shown once
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def thinned(image: np.ndarray, most: int = _EDGE) -> np.ndarray:
    """Every n-th row and column of the last two axes, so that neither has more than this."""
    step = max(1, -(-max(image.shape[-2:]) // most))
    return image[..., ::step, ::step]


def pattern_thumbnail(image: np.ndarray) -> np.ndarray:
    """A pattern in the colours of figures, (rows, columns, 3)."""
    image = _brightest(np.asarray(image, float))
    norm, signed = intensity_norm(image)
    return _coloured(norm(np.ma.masked_invalid(image)), intensity_colours(signed))


def map_thumbnail(image: np.ndarray) -> np.ndarray:
    """A map in the colours of figures, (rows, columns, 3)."""
    image = np.asarray(thinned(image), float)
    top = np.nanmax(image, initial=0)
    return _coloured(np.ma.masked_invalid(image / (top if top > 0 else 1)), MAPS)


def mixed_maps(result: Any) -> tuple[np.ndarray, np.ndarray]:
    """All maps in one colour image (rows, columns, 3), and the colours of the components (k, 3)."""
    most = _MOST if result.k <= _MANY else _MOST // 2
    return composite_image(thinned(result.maps, most), thinned(_kept(result), most), result.settings.get("background", ()))


def _brightest(image):
    """Of each block of pixels the brightest: a spot of one pixel is still there."""
    step = max(1, -(-max(image.shape) // _EDGE))
    rows = np.fmax.reduceat(image, np.arange(0, image.shape[0], step), axis=0)
    return np.fmax.reduceat(rows, np.arange(0, image.shape[1], step), axis=1)


def _kept(result):
    return result.geometry.kept_positions.reshape(result.geometry.scan_shape)


def _coloured(values, name):
    colours = colour_map(name or INTENSITIES)(values)[..., :3]
    colours[np.ma.getmaskarray(values)] = rgb(EXCLUDED)
    return colours
