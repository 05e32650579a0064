"""Two independent halves of the same counts: one to fit, one to judge the fit by.

Every electron goes to one part or the other by chance. A Poisson count then falls into two independent Poisson counts,
so a model that has learned the noise of the first part finds other noise in the second.
"""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import scipy

from ..core.scan import Scan, ScanError
from ..engine.blocks import make_plan
from ..engine.passes import run_pass
from .lazy import map_patterns

__all__ = ["KEEPS_COUNTS", "LEAST_EXPECTED", "NotCounts", "same_preparation", "share", "thinned"]

# After these a value is still a number of electrons; after anything else it is not.
KEEPS_COUNTS = {"detector_mask", "scan_mask", "gain", "align", "direct_beam", "annulus", "crop", "bin", "split_counts"}
# Half an electron in the whole scan is what may be expected of a pixel that counted none in the fitted part: as likely as
# not to have counted it (a convention of ours).
LEAST_EXPECTED = 0.5
_MOST = 2**53  # as many electrons as double precision can count
_BATCH_VALUES = 1 << 20  # pixels thinned at a time
_TABLE = 8  # counts up to this one are looked up in a table; above, NumPy's own generator is as fast


class NotCounts(ScanError):
    """The values of a scan are not numbers of electrons."""


def thinned(scan: Scan, fraction: float, seed: int) -> tuple[Scan, Scan]:
    """The scan of a random fraction of the electrons, and that of all others; see `unmix4d.Unmix.split_counts`."""
    _refuse_steps(scan)
    if scan.dtype.kind == "f":
        _refuse_first(scan)
    return tuple(_part(scan, part, fraction, seed) for part in ("fit", "held out"))


def _refuse_steps(scan):
    for step in scan.steps:
        for name in step:
            if name not in KEEPS_COUNTS:
                raise NotCounts(
                    f"split_counts needs counts, but this view is prepared with {name}, after which values are not "
                    "independent counts of electrons: split first, and prepare both parts alike"
                )


def _refuse_first(scan):
    """Floats are mostly not counts: one pattern tells at once, and saves the wait for the first pass."""
    row, col = np.argwhere(scan.geometry.kept_positions.reshape(scan.geometry.scan_shape))[0]
    here = (slice(row, row + 1), slice(col, col + 1))
    geometry = scan.geometry.replace(scan_shape=(1, 1), scan_mask=None)
    values, _ = run_pass(make_plan(scan.patterns[here], geometry, np.float64), _copy_kernel)
    pixels = np.flatnonzero(geometry.kept_pixels)
    _refuse_values(values[0], pixels, (row, col), geometry.detector_shape)


def _copy_kernel(X):
    return X.copy(), ()


def _refuse_values(values, pixels, position, detector_shape):
    wrong = np.flatnonzero(~_is_count(values))
    if wrong.size:
        at = np.unravel_index(pixels[wrong[0]], detector_shape)
        raise NotCounts(
            f"split_counts needs counts, whole numbers that are not negative, but the scan holds {values[wrong[0]]:g} at "
            f"scan position ({position[0]}, {position[1]}), detector pixel ({at[0]}, {at[1]}): "
            "divide by the intensity of one electron first, prepare(gain=...)"
        )


def _is_count(values):
    if values.dtype.kind == "b":
        return np.ones(values.shape, bool)
    good = values >= 0
    if values.dtype.itemsize > 2:
        good &= values < _MOST
    return good if values.dtype.kind in "iu" else good & np.isfinite(values) & (values == np.floor(values))


def _part(scan, part, fraction, seed):
    # Splitting a part again must not throw the same dice again, nor those of the other part.
    earlier = [step["split_counts"] for step in scan.steps if "split_counts" in step]
    chain = [number for step in earlier for number in (step["random_state"], int(step["part"] == "fit"))]
    key = int(np.random.SeedSequence([seed, len(earlier), *chain]).generate_state(1, np.uint64)[0])
    rows, cols = scan.geometry.scan_shape
    kept = scan.geometry.kept_positions.reshape(rows, cols)
    positions = np.stack([*np.indices((rows, cols)), kept], axis=-1).astype(np.int64)
    function = partial(_thin, part=part, fraction=fraction, key=key, kept=np.flatnonzero(scan.geometry.kept_pixels))
    patterns = map_patterns(scan, function, scan.dtype.newbyteorder("="), per_position=positions)
    record = {"split_counts": {"fraction": fraction, "part": part, "random_state": seed}}
    return scan.replace(patterns=patterns, steps=(*scan.steps, record))


def _thin(block, positions, *, part, fraction, key, kept):
    """One part of a block (rows, cols, det_row, det_col); positions (rows, cols, 1, 3) are row, column and whether kept."""
    size = math.prod(block.shape[2:])
    flat = np.asarray(block, block.dtype.newbyteorder("=")).reshape(-1, size)
    positions = positions.reshape(-1, 3)
    out = np.zeros_like(flat, order="C")
    step = max(1, _BATCH_VALUES // size)
    for start in range(0, len(flat), step):
        batch = slice(start, start + step)
        some, where = np.ascontiguousarray(flat[batch]).ravel(), positions[batch]
        places = np.flatnonzero(some != 0)
        values = _counts(some, places, where, kept, block.shape[2:])
        numbers = np.diff(np.searchsorted(places, np.arange(len(where) + 1) * size))
        chosen = _chosen(values, numbers, where, fraction, key)
        out[batch].ravel()[places] = chosen if part == "fit" else values - chosen
    return out.reshape(block.shape)


def _counts(flat, places, positions, kept, detector_shape):
    """The non-zeros as integers, after refusing what is not a count."""
    values = flat[places]
    good = _is_count(values)
    if not good.all():
        patterns = flat.reshape(len(positions), -1)
        for i in np.flatnonzero(positions[:, 2]):
            _refuse_values(patterns[i, kept], kept, positions[i, :2], detector_shape)
        # What is left is excluded, and whatever it holds cannot be split.
        values = np.where(good, values, 0)
    return values.astype(np.int64)


def _chosen(values, numbers, positions, fraction, key):
    """How many of each count go to the first part.

    Every position has a generator of its own, and every non-zero pixel the next number of it: the answer depends on the
    seed, the position and its pattern, and on nothing else.
    """
    ends = np.cumsum(numbers)
    dice, large = np.empty(len(values), np.uint64), np.flatnonzero(values > _TABLE)
    chosen = np.empty(len(values), np.int64)
    of_large = np.searchsorted(large, np.concatenate([[0], ends]))
    for i in np.flatnonzero(numbers):
        row, col = positions[i, :2]
        bits = np.random.Philox(key=np.array([key, (int(row) << 32) | int(col)], np.uint64))
        dice[ends[i] - numbers[i] : ends[i]] = bits.random_raw(int(numbers[i]))
        mine = large[of_large[i] : of_large[i + 1]]
        if mine.size:
            chosen[mine] = np.random.Generator(bits).binomial(values[mine], fraction)
    small = np.flatnonzero(values <= _TABLE) if large.size else slice(None)
    chosen[small] = _look_up(values[small], dice[small], _thresholds(fraction))
    return chosen


def _thresholds(fraction):
    """table[j, n]: the 64-bit number below which at most j of n electrons are chosen."""
    j, n = np.ogrid[:_TABLE, : _TABLE + 1]
    share = np.minimum(scipy.special.bdtr(np.minimum(j, n), n, fraction), 1 - 2.0**-53)
    return np.where(n > j, (share * 2.0**64).astype(np.uint64), np.iinfo(np.uint64).max)


def _look_up(values, dice, table):
    """Binomial numbers by inversion; most counts are 1 and need a single comparison."""
    chosen = np.zeros(len(values), np.int64)
    rest = slice(None)
    for j in range(int(values.max(initial=0))):
        chosen[rest] += dice >= table[j][values]
        more = np.flatnonzero(values > j + 1)
        if not more.size:
            break
        rest = more if j == 0 else rest[more]
        values, dice = values[more], dice[more]
    return chosen


def share(steps) -> float:
    """Which part of the electrons a view with these steps holds."""
    out = 1.0
    for step in steps:
        if "split_counts" in step:
            fraction = step["split_counts"]["fraction"]
            out *= fraction if step["split_counts"]["part"] == "fit" else 1 - fraction
    return out


def same_preparation(first, second) -> bool:
    """Whether two views differ at most in how their counts were split."""
    plain = [json.dumps([s for s in steps if "split_counts" not in s], sort_keys=True) for steps in (first, second)]
    return plain[0] == plain[1]
