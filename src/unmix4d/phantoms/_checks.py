"""Argument checks shared by the phantom builders: one sentence with argument, rule and value found."""

import math
import numbers

import numpy as np

# Intensity given to one noise-free pattern (dose=None), so that noise-free and noisy phantoms have like
# scales.
NOISE_FREE_DOSE = 1e4


def is_number(value):
    """True for a real, finite number (a bool is not a number here)."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def check_shape(name, value, length=2, smallest=1):
    """Return `value` as a tuple of `length` integers, each at least `smallest`."""
    ok = isinstance(value, (tuple, list)) and len(value) == length
    ok = ok and all(isinstance(n, numbers.Integral) and not isinstance(n, bool) for n in value)
    if not ok or any(n < smallest for n in value):
        raise ValueError(f"{name} must be {length} integers of at least {smallest}, found {value!r}")
    return tuple(int(n) for n in value)


def check_count(name, value, smallest=1):
    """Return `value` as an integer of at least `smallest`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, found {value!r}")
    if value < smallest:
        raise ValueError(f"{name} must be at least {smallest}, found {value!r}")
    return int(value)


def check_range(name, value, low, high=math.inf, open_low=False, open_high=False):
    """Return `value` as a float between `low` and `high` (an open bound is itself refused)."""
    ok = is_number(value)
    ok = ok and (value > low if open_low else value >= low)
    ok = ok and (value < high if open_high or math.isinf(high) else value <= high)
    if not ok:
        left = "above" if open_low else "at least"
        right = "" if math.isinf(high) else f" and {'below' if open_high else 'at most'} {high:g}"
        raise ValueError(f"{name} must be a number {left} {low:g}{right}, found {value!r}")
    return float(value)


def check_dose(dose):
    """Return the intensity of one pattern: the dose, or the reference value for noise-free data."""
    if dose is None:
        return NOISE_FREE_DOSE
    return check_range("dose", dose, 0, open_low=True)


def check_seed(seed):
    """Return a non-negative integer seed; None draws one, so that it can be recorded."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return check_count("seed", seed, 0)


def generators(seed, n=3):
    """Independent generators for structure, patterns and noise.

    They are spawned from one seed, so that changing the dose leaves the truth as it was.
    """
    return [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n)]
