"""A polycrystalline film, with everything that makes real ones hard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._build import assemble, begin, with_beam
from ._checks import check_count, check_range, check_shape
from ._crystals import random_spots, twin_spots
from ._maps import film_grains, pair_neighbours, smooth_field, spread_points
from ._patterns import DIFFUSE, rotate, unit

if TYPE_CHECKING:
    from ._phantom import Phantom

LEAST_SHARE = 1e-3  # strained spots of a grain with less than this share of a position are not redrawn


def _grain_spots(detector, n_grains, twins, n_phases, rng):
    """Spots (xy, intensity) of each grain, its phase label, its rotation (NaN: no copy), the twins' axes."""
    spots, phases, rotations, axes = [], [], [], []
    for pair in range(twins):
        xy, twin, intensity, axis_deg = twin_spots(detector, rng)
        spots += [(xy, intensity), (twin, intensity)]
        phases += [pair, pair]
        rotations += [np.nan, np.nan]
        axes.append(axis_deg)
    rest = n_grains - 2 * twins
    references = [random_spots(detector, rng) for _ in range(rest if n_phases is None else n_phases)]
    for i in range(rest):
        phase = i % len(references)
        copies = len(range(phase, rest, len(references)))
        # Angles in strata of one sixth of a turn: copies by nearly the same angle would be one and the same
        # pattern.
        angle = 60 * ((i // len(references) + rng.uniform(0.15, 0.85)) / copies + rng.integers(6))
        xy, intensity = references[phase]
        spots.append((rotate(xy, angle), intensity))
        phases.append(twins + phase)
        rotations.append(angle % 360 if n_phases is not None else np.nan)
    return spots, phases, rotations, axes


def _strained_rows(detector, spots, totals, fixed, maps, direct_beam, spot_width, strain, rng):
    """Function of a scan row that returns its expectation (unit dose) with every spot displaced."""
    scan_shape = maps.shape[1:]
    length = max(scan_shape) / 5
    # Displacement gradient of the reciprocal lattice: two normal strains, shear, rotation.
    xx, yy, xy, turn = (strain * smooth_field(scan_shape, rng, length) for _ in range(4))
    scale = (1 - direct_beam) * (1 - DIFFUSE)
    first = len(maps) - len(spots)  # the background, where there is one, comes first and is not strained

    def expectation(row):
        out = np.tensordot(maps[:, row], fixed, axes=(0, 0))
        for col in range(scan_shape[1]):
            at = row, col
            matrix = np.array([[1 + xx[at], xy[at] + turn[at]], [xy[at] - turn[at], 1 + yy[at]]])
            for grain, (vectors, intensity) in enumerate(spots):
                share = maps[(first + grain, *at)]
                if share > LEAST_SHARE:
                    drawn = detector.spots(vectors @ matrix, intensity, spot_width)
                    out[col] += share * scale / totals[grain] * drawn
        return out

    return expectation


def _film_maps(scan_shape, n_grains, twins, overlap, edge, background, thickness_variation, rng):
    """Maps of the background (where there is one) and of the grains."""
    points = pair_neighbours(spread_points(n_grains, scan_shape, rng), twins)
    maps = film_grains(points, scan_shape, overlap, edge, rng)
    if background:
        # Uneven, as carbon contamination and oxide are; a constant map could not be told from an offset.
        share = background * (1 + 0.4 * smooth_field(scan_shape, rng, max(scan_shape) / 5))
        share = np.clip(share, 0, 0.95)
        maps = np.concatenate([share[None], (1 - share) * maps])
    return maps * (1 + thickness_variation * smooth_field(scan_shape, rng, max(scan_shape) / 6))


def _check(settings):
    """Check what only the polycrystal takes."""
    check_count("n_grains", settings["n_grains"])
    check_count("twins", settings["twins"], 0)
    if 2 * settings["twins"] > settings["n_grains"]:
        raise ValueError(f"twins must be at most half of n_grains ({settings['n_grains']}), found {settings['twins']}")
    if settings["n_phases"] is not None:
        check_count("n_phases", settings["n_phases"])
    for name in ("overlap", "background"):
        check_range(name, settings[name], 0, 1, open_high=name == "background")
    check_range("edge", settings["edge"], 0)
    check_range("strain", settings["strain"], 0, 0.2)
    check_range("thickness_variation", settings["thickness_variation"], 0, 1, open_high=True)
    check_range("spot_width", settings["spot_width"], 0, open_low=True)
    if not isinstance(settings["beam_stop"], bool):
        check_range("beam_stop", settings["beam_stop"], 0, open_low=True)


def polycrystal(
    *,
    n_grains: int = 6,
    scan_shape: tuple[int, int] = (40, 36),
    detector_shape: tuple[int, int] = (96, 90),
    overlap: float = 0.4,
    twins: int = 0,
    n_phases: int | None = None,
    background: float = 0.2,
    direct_beam: float = 0.0,
    beam_stop: bool | float = False,
    strain: float = 0.0,
    thickness_variation: float = 0.0,
    spot_width: float = 3.0,
    edge: float = 0.7,
    dose: float | None = 3e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 2.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a polycrystalline film of overlapping grains.

    Grains are Voronoi cells in three dimensions, and a map is the share in the thickness of the film, so boundaries are
    inclined and grains overlap as in simulated metal films (Bruefach 2022). The probe blurs the maps. Patterns are
    kinematical: a cubic lattice near a low-index zone axis with a Laue circle, decreasing form factor and some diffuse
    intensity. Each grain has a different lattice, zone axis, tilt and rotation, unless you pass `twins` or `n_phases`.

    The expectation of the data is exactly the sum of maps times patterns, **except** with `strain`: then the spots of each
    position are shifted by a different affine transformation, the linear model is an approximation, and `patterns` are the
    unstrained ones.

    Parameters
    ----------
    n_grains : int
        Number of grains.
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    overlap : float
        Amount of overlap, from 0 (columnar grains) to 1 (film thickness twice the width of a grain).
    twins : int
        Number of twin pairs: neighbouring grains of one phase whose patterns are mirror images. The mirror lines are stored
        in ``settings["twin_axes_deg"]``.
    n_phases : int or None
        Number of different patterns. The grains are in-plane rotated copies of them, by the angles in `rotations_deg`. With
        None, every grain except twins has its own pattern.
    background : float
        Mean share of an amorphous halo, which varies smoothly. It is the first component, 'amorphous'; with 0 there is none.
    direct_beam : float
        Share of the dose in the direct beam of all patterns.
    beam_stop : bool or float
        Beam stop: a disk with this radius in pixels (True: 5) and a bar down to the edge, without counts. It is stored in
        `detector_mask`.
    strain : float
        Largest strain and rotation (in radian), which vary smoothly over the scan.
    thickness_variation : float
        Largest relative deviation of the total intensity, which varies smoothly.
    spot_width : float
        Full width at half maximum of a spot, in pixels.
    edge : float
        Sigma of the blur by the probe, in positions.
    dose, pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom. k is `n_grains`, plus one with a background.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.polycrystal(n_grains=3, twins=1, scan_shape=(12, 10), detector_shape=(40, 44))
    >>> p.names, p.phases.tolist()
    (('amorphous', 'grain 1', 'grain 2', 'grain 3'), [0, 1, 1, 2])
    """
    settings = dict(locals(), builder="polycrystal")
    scan_shape = check_shape("scan_shape", scan_shape, smallest=2)
    _check(settings)
    detector, structure, pattern_rng, noise_rng, strain_rng = begin(settings, 4)
    spots, phases, rotations, settings["twin_axes_deg"] = _grain_spots(detector, n_grains, twins, n_phases, pattern_rng)
    drawn = [detector.spots(*s, spot_width) for s in spots]
    scattered = [(1 - DIFFUSE) * unit(d) + DIFFUSE * detector.diffuse() for d in drawn]
    fixed = [DIFFUSE * detector.diffuse()] * n_grains
    names = [f"grain {i + 1}" for i in range(n_grains)]
    if background:
        scattered, fixed = [detector.halo(), *scattered], [detector.halo(), *fixed]
        names = ["amorphous", *names]
        phases = [0, *(p + 1 for p in phases)]
        rotations = [np.nan, *rotations]
    maps = _film_maps(scan_shape, n_grains, twins, overlap, edge, background, thickness_variation, structure)
    expectation = None
    if strain:
        # What does not move: diffuse intensity, halo, direct beam.
        fixed = with_beam(detector, fixed, direct_beam)
        totals = [d.sum() for d in drawn]
        expectation = _strained_rows(detector, spots, totals, fixed, maps, direct_beam, spot_width, strain, strain_rng)
    mask = None
    if beam_stop:
        mask = detector.beam_stop(5.0 if beam_stop is True else float(beam_stop))
    rotations = np.asarray(rotations) if n_phases is not None else None
    truth = {"phases": phases, "rotations_deg": rotations, "mask": mask, "expectation": expectation}
    return assemble(settings, scattered, maps, detector, noise_rng, names, **truth)
