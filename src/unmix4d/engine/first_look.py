"""What the first pass over a scan shows of things that an answer rests on: dead and hot pixels, and the centre.

Only the sums of that pass are looked at, so that this costs next to nothing. Every question is answered by a warning that
names the remedy, or by silence: where the mean pattern does not tell, nothing is said.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from ..core.geometry import ScanGeometry
from ..core.messages import warn
from .matrix import Glance, Statistics

__all__ = ["look"]

# Conventions of ours, chosen so that good scans (our phantoms, and the example data of the hosts) pass in silence.
_MARKS = -1, 2**16 - 2, 2**16 - 1, 2**32 - 2, 2**32 - 1  # of gaps: largest values of unsigned types, and one less
_SHARE = 0.01  # of the dose in one pixel, from which on it matters
_ALONE = 20  # times its brightest neighbour: the sharpest beam spreads further
_ENOUGH = 4  # neighbours without which nothing can be said about a pixel
_LINE, _OF_ITS_PIXELS = 5, 0.4  # times both lines beside it, along nearly half of a faulty line: some are read out in halves
_STEADY = 1.0  # relative spread over the positions, below which a pixel is lit everywhere
_FEWEST = 12  # positions, to tell what is usual from chance
_LEAST_SIDE = 12  # pixels; what is smaller shows no pattern
_TOLERANCE = 3.0, 0.04  # how far the beam may lie from the centre: pixels, and parts of the detector
_STANDS_OUT = 5  # times what else there is: the direct beam does
_WEAK = 0.3  # of the brightest, below which there is no beam at the centre
_SYMMETRIC, _CLEARLY = 0.75, 0.3  # correlation of a mean pattern with its inversion; how much more it is elsewhere
_OVERLAP = 0.35  # of the pixels that have a partner, for such a correlation to count
_REACH = 3  # pixels of a Gaussian of sigma 1
_GAUSSIAN = np.exp(-(np.arange(-_REACH, _REACH + 1) ** 2) / 2)
_GAUSSIAN /= _GAUSSIAN.sum()
_LARGEST_SIDE = 96  # pixels: larger mean patterns are binned before they are inverted


def look(statistics: Statistics | Glance, geometry: ScanGeometry, dtype: np.dtype) -> None:
    """Warn of what should be looked into before an answer is believed.

    Parameters
    ----------
    statistics : Statistics or Glance
        Of the first pass.
    geometry : ScanGeometry
    dtype : numpy dtype
        Of the values as they are stored.
    """
    _say_if_empty(statistics, geometry)
    if geometry.polar or geometry.features or min(geometry.detector_shape) < _LEAST_SIDE:
        return
    mean = _image(statistics.mean_pattern, geometry)
    good = geometry.kept_pixels.reshape(geometry.detector_shape)
    full = _full(mean, statistics, good, geometry, np.dtype(dtype))
    if full.any():
        value = mean[full][0]
        of = f"the largest value of {np.dtype(dtype)}" if value >= _largest(np.dtype(dtype)) else f"the value {value:.0f}"
        if full.sum() == good.sum():
            warn(f"all pixels are at {of} at every position, so that there is nothing but saturation: read the scan anew")
            return
        warn(
            f"{_pixels(full)} at {of} at every position, as gaps and dead pixels of a detector are: exclude with "
            "prepare(detector_mask=...)"
        )
        good = good & ~full
    # What has negative values is no image of a beam any more.
    if statistics.minimum < 0 or not mean[good].sum() > 0 or geometry.n_positions < _FEWEST:
        return
    lines = _lines(mean, good)
    if lines.any():
        warn(
            f"{_pixels(lines)} of rows or columns that are brighter than both their neighbours from end to end, as faulty "
            "ones are: exclude with prepare(detector_mask=...)"
        )
        good = good & ~lines
    hot = _hot(mean, statistics, good, geometry)
    seen = good & ~hot
    smooth = _smooth(mean, seen)
    beam = _beam(smooth, seen)
    if hot.any():
        warn(_of_hot(hot, mean, good, geometry, beam))
    if geometry.centre_known:
        _look_at_centre(smooth, seen, geometry, beam)


def _say_if_empty(statistics, geometry):
    """Of several scans one may be without any count, whose maps are then nothing."""
    if not geometry.scans or not isinstance(statistics, Statistics) or not statistics.total > 0:
        return
    totals = geometry.to_maps(statistics.totals[:, None])[0]
    for i, part in enumerate(geometry.scans):
        own = totals[part.rows, part.cols]
        if np.isfinite(own).any() and not np.nansum(own):
            warn(f"scan {i}{f' ({part.name})' * bool(part.name)} has no count at any position: leave it out of the list")


def _image(values, geometry):
    out = np.zeros(math.prod(geometry.detector_shape))
    out[geometry.kept_pixels] = values
    return out.reshape(geometry.detector_shape)


def _pixels(mask):
    row, col = np.argwhere(mask)[0]
    number = int(mask.sum())
    return f"pixel ({row}, {col}) is" if number == 1 else f"{number} pixels, the first of them ({row}, {col}), are"


def _full(mean, statistics, good, geometry, dtype):
    """Pixels that hold the largest value of a type, some detectors one less, or -1, and never anything else.

    Of the type that they are stored in, or of a smaller one that they were stored in before.
    """
    full = mean >= _largest(dtype)
    marked = np.any([np.isclose(mean, mark, rtol=1e-6, atol=0) for mark in _MARKS], axis=0)
    if marked.any() and geometry.n_positions >= _FEWEST:
        squares = _image(statistics.pixel_squares, geometry) / geometry.n_positions
        full = full | (marked & np.isclose(squares, mean**2, rtol=1e-5, atol=0))
    return full & good


def _largest(dtype):
    """The mean of a pixel is as large as this only where all its values are the largest of the type, or one less."""
    return (np.iinfo(dtype).max - 1) * (1 - 1e-6) if dtype.kind in "iu" else np.inf


def _hot(mean, statistics, good, geometry):
    """Pixels that are bright alone, away from the beam, and either everywhere or in a single pattern."""
    hot = np.zeros_like(good)
    for row, col in np.argwhere(good & (mean > _SHARE * mean.sum(where=good))):  # a hundred at most
        window = slice(max(row - 1, 0), row + 2), slice(max(col - 1, 0), col + 2)
        around = np.sort(mean[window][good[window]])
        # Its own value is one of the last two: hot pixels come in pairs too. Where all around is empty, it may as well be a
        # spot that is drawn so sharp.
        hot[row, col] = len(around) > _ENOUGH and mean[row, col] > _ALONE * around[-3] > 0
    if not hot.any():
        return hot
    squares = _image(statistics.pixel_squares, geometry) / geometry.n_positions
    spread = np.divide(squares, mean**2, out=np.ones_like(mean), where=hot) - 1
    steady = spread < _STEADY**2
    single = spread > geometry.n_positions / 1.5 - 1
    # One pixel may hold the whole beam. Where nobody knows the centre, it is around the middle.
    reach = _tolerance(geometry) if geometry.centre_known else max(geometry.detector_shape) / 8
    hot &= (steady | single) & (_distance(geometry, geometry.centre) > reach)
    return hot if hot.sum() <= 10 else np.zeros_like(hot)  # more are a pattern of sharp spots


def _lines(mean, good):
    """Pixels of rows and columns that stand out from both lines beside them, along at least half of the detector."""
    found, least = np.zeros_like(good), mean.min(where=good & (mean > 0), initial=np.inf)  # of counts about one
    for image, kept, out in ((mean, good, found), (mean.T, good.T, found.T)):  # the lines are the rows of these
        values = np.pad(np.where(kept, image, 0), ((1, 1), (0, 0)))
        values[0], values[-1] = values[3], values[-4]  # a line at the edge is set against the two beside it
        higher = np.maximum(np.maximum(values[:-2], values[2:]), least)
        alone = kept & (image > _LINE * higher)
        heavy = image.sum(axis=1, where=kept) > _SHARE * mean.sum(where=good)
        out[heavy & (alone.sum(axis=1) > _OF_ITS_PIXELS * image.shape[1])] = True
    return found & good


def _of_hot(hot, mean, good, geometry, beam):
    share = mean[hot].sum() / mean[good].sum()
    text = (
        f"{_pixels(hot)} bright alone, with {100 * share:.2g} % of all intensity, as hot pixels are: repair with "
        "prepare(hot_pixels=...) or exclude with prepare(detector_mask=...)"
    )
    if geometry.centre_known and (beam is None or np.hypot(*np.subtract(beam, geometry.centre)) > _tolerance(geometry)):
        row, col = geometry.centre
        text += f"; if this is the direct beam, the centre ({row:.1f}, {col:.1f}) is wrong: give centre=(row, col)"
    return text


def _tolerance(geometry):
    return max(_TOLERANCE[0], _TOLERANCE[1] * min(geometry.detector_shape))


def _distance(geometry, place):
    return _distances(geometry.detector_shape, place)


def _distances(shape, place):
    """Of every pixel from a place, from squares that broadcast: a hypotenuse for each would take as long as the filters."""
    rows, cols = ((np.arange(n) - p) ** 2 for n, p in zip(shape, place))
    return np.sqrt(rows[:, None] + cols[None, :])


def _smooth(mean, good):
    if good.all():
        return _blurred(mean)
    weight = _blurred(good.astype(float))
    return np.where(good, _blurred(np.where(good, mean, 0)) / np.maximum(weight, 1e-6), 0)


def _blurred(image):
    """A Gaussian of sigma 1, in whole arrays: several times faster than a filter line by line."""
    for axis in (0, 1):
        padded = np.pad(image, [(_REACH * (axis == i),) * 2 for i in (0, 1)], mode="symmetric")
        n, out, part = image.shape[axis], np.zeros_like(image), np.empty_like(image)
        for i, weight in enumerate(_GAUSSIAN):
            np.multiply(padded[i : i + n] if axis == 0 else padded[:, i : i + n], weight, out=part)
            out += part
        image = out
    return image


def _beam(smooth, good):
    """Place of what stands out of the mean pattern as only the direct beam does; None where nothing does."""
    top = np.unravel_index(smooth.argmax(), smooth.shape)
    reach = max(6.0, 0.08 * min(smooth.shape))
    elsewhere = good & (_distances(smooth.shape, top) > reach)
    highest = smooth.max(where=elsewhere, initial=-np.inf)  # -inf where there is nothing else to compare with
    if not smooth[top] > 0 or not np.isfinite(highest) or smooth[top] < _STANDS_OUT * highest:
        return None
    window = tuple(slice(max(int(t - reach), 0), int(t + reach) + 1) for t in top)
    near = smooth[window]
    inside = _distances(near.shape, [t - part.start for t, part in zip(top, window)]) <= reach
    place = scipy.ndimage.center_of_mass(np.where(inside & (near > smooth[top] / 2), near, 0))
    return tuple(float(v + part.start) for v, part in zip(place, window))


def _look_at_centre(smooth, good, geometry, beam):
    (row, col), reach = geometry.centre, _tolerance(geometry)
    if beam is not None and np.hypot(beam[0] - row, beam[1] - col) <= reach:
        return
    here = smooth[good & (_distance(geometry, geometry.centre) <= reach)]
    visible = here.size and here.max() > _WEAK * smooth.max()
    if beam is not None:
        # Behind a beam stop it cannot be seen; a pattern that is symmetric about the centre has it there all the same.
        if visible or _inversion(smooth, good, geometry.centre, reach)[0] < _SYMMETRIC:
            warn(
                f"the centre is ({row:.1f}, {col:.1f}), but the direct beam seems to be at ({beam[0]:.1f}, {beam[1]:.1f}) "
                "in the mean pattern: give centre=(row, col), calibrate the scan again, or use prepare(align='measure')"
            )
        return
    at_centre, best, place = _inversion(smooth, good, geometry.centre, reach)
    if best > _SYMMETRIC and at_centre < best - _CLEARLY:
        warn(
            f"the centre is ({row:.1f}, {col:.1f}), but the mean pattern is symmetric about ({place[0]:.1f}, "
            f"{place[1]:.1f}): give centre=(row, col), or calibrate the scan again"
        )


def _inversion(smooth, good, centre, reach):
    """(correlation about the centre, the best about any place, that place) of the mean pattern and its inversion.

    The sums over all pairs of pixels opposite to each other are convolutions of the pattern with itself.
    """
    bin = -(-max(smooth.shape) // _LARGEST_SIDE)
    values, weight = (_binned(np.where(good, part, 0), bin) for part in (smooth, good.astype(float)))
    weight = weight / bin**2 > 0.5
    values = np.log1p(np.where(weight, values, 0) / max(np.median(values[weight]), 1e-12 * values.max()))
    top = np.quantile(values[weight], 0.995)
    values = np.where(weight, np.clip(values, 0, top), 0)
    shape = [1 << (2 * n - 2).bit_length() for n in values.shape]
    w, v, vv = (np.fft.rfft2(part, shape) for part in (weight.astype(float), values, values**2))
    pairs, first, second, product = (np.fft.irfft2(part, shape) for part in (w * w, v * w, vv * w, v * v))
    enough = pairs > _OVERLAP * weight.sum()
    pairs = np.maximum(pairs, 1)
    variance = second - first**2 / pairs
    floor = 1e-9 * max(float(second.max()), 1e-12)
    found = np.where(enough & (variance > floor), (product - first**2 / pairs) / np.maximum(variance, floor), 0)
    found = found[: 2 * values.shape[0] - 1, : 2 * values.shape[1] - 1]
    # Sums of the indices of two opposite pixels: twice the place between them.
    rows, cols = (bin * (np.arange(n) / 2 + 0.5) - 0.5 for n in found.shape)
    near = np.hypot(rows[:, None] - centre[0], cols[None, :] - centre[1]) <= reach
    top = np.unravel_index(found.argmax(), found.shape)
    return float(found[near].max(initial=0)), float(found[top]), (float(rows[top[0]]), float(cols[top[1]]))


def _binned(image, bin):
    rows, cols = (n // bin for n in image.shape)
    return image[: rows * bin, : cols * bin].reshape(rows, bin, cols, bin).sum((1, 3))
