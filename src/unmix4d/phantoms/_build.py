"""What all builders share: geometry, detector, mixing with the direct beam, the final assembly."""

import numpy as np

from ._checks import check_dose, check_range, check_seed, check_shape, generators, is_number
from ._noise import make_data
from ._patterns import BEAM_ENERGY, Detector
from ._phantom import Phantom

# Shorter side of a detector whose pixel size is not given, 1/angstrom: three or four orders of spots.
WIDTH = 2.05


def make_detector(shape, centre, pixel_size):
    """Detector from user arguments; None: the middle as `centre`, a fixed field of view for `pixel_size`."""
    shape = check_shape("detector_shape", shape, smallest=8)
    if pixel_size is None:
        pixel_size = WIDTH / min(shape)
    check_range("pixel_size", pixel_size, 0, open_low=True)
    if centre is None:
        centre = tuple((n - 1) / 2 for n in shape)
    inside = isinstance(centre, (tuple, list)) and len(centre) == 2 and all(is_number(c) for c in centre)
    if not inside or any(not 0 <= c <= n - 1 for c, n in zip(centre, shape)):
        raise ValueError(f"centre must be (row, col) inside the detector {shape}, found {centre!r}")
    return Detector(shape, tuple(float(c) for c in centre), float(pixel_size))


def begin(settings, n=3):
    """Detector and `generators` from the arguments of a builder, where the seed is then recorded."""
    detector = make_detector(settings["detector_shape"], settings["centre"], settings["pixel_size"])
    settings["seed"] = check_seed(settings["seed"])
    return detector, *generators(settings["seed"], n)


def with_beam(detector, scattered, direct_beam):
    """Patterns (k, rows, cols) of total 1 with the share `direct_beam` of it in the direct beam."""
    check_range("direct_beam", direct_beam, 0, 1, open_high=True)
    if not direct_beam:
        return np.asarray(scattered)
    return (1 - direct_beam) * np.asarray(scattered) + direct_beam * detector.direct_beam()


def assemble(settings, patterns, maps, detector, rng, names, *, mask=None, expectation=None, **extra):
    """Add the direct beam, scale patterns to the dose, apply the beam stop, draw the data and return the Phantom.

    `patterns` come with total intensity 1 and are scaled here; `expectation(row)`, where given, already
    returns unit-dose patterns of the same scale, with the beam, and is treated the same way. `phases` defaults
    to one label each.
    """
    patterns = with_beam(detector, patterns, settings.get("direct_beam", 0))
    dose, step = settings["dose"], settings["step"]
    scale = check_dose(dose)
    check_range("step", step, 0, open_low=True)
    patterns = np.asarray(patterns, float) * scale
    if mask is not None:
        patterns[:, mask] = 0.0
    scaled = None
    if expectation is not None:

        def scaled(row):
            out = expectation(row) * scale
            if mask is not None:
                out[:, mask] = 0.0
            return out

    maps = np.ascontiguousarray(maps, dtype=float)
    phases = np.asarray(extra.pop("phases", np.arange(len(patterns))))
    return Phantom(
        data=make_data(patterns, maps, dose, rng, scaled),
        patterns=patterns,
        maps=maps,
        centre=detector.centre,
        pixel_size=detector.pixel_size,
        step=float(step),
        names=tuple(names),
        phases=phases,
        settings=settings,
        detector_mask=mask,
        beam_energy=BEAM_ENERGY,
        **extra,
    )
