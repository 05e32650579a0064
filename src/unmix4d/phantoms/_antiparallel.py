"""Antiparallel domains of a polar crystal: their spots are in the same places, and g and -g change their intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

from ._build import assemble, begin
from ._checks import check_range, check_shape
from ._maps import smooth_field
from ._patterns import DIFFUSE, make_crystal, rotate, unit

if TYPE_CHECKING:
    from ._phantom import Phantom


def antiparallel_domains(
    *,
    polarity: float = 0.35,
    scan_shape: tuple[int, int] = (36, 32),
    detector_shape: tuple[int, int] = (64, 60),
    domain_width: float = 8.0,
    thickness_variation: float = 0.4,
    background: float = 0.2,
    bending_mrad: float = 0.0,
    direct_beam: float = 0.3,
    spot_width: float = 3.0,
    edge: float = 0.5,
    dose: float | None = 1e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 2.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate domains of opposite polarity in a polar crystal, such as a ferroelectric.

    The pattern of one domain is that of the other rotated by 180 degrees. Opposite spots, I(g) and I(-g), differ as in
    dynamical scattering, by a random amount for each pair. Everything else that varies is even: the thickness, and an
    amorphous layer. A bent crystal is increasingly tilted along the columns, which makes opposite spots differ in the same
    way in both domains.

    Parameters
    ----------
    polarity : float
        Largest difference of opposite spots relative to their mean, below 1. With 0.35, one of them is up to twice the
        other.
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    domain_width : float
        Correlation length, in positions, of the smooth field whose sign defines the domains.
    thickness_variation : float
        Largest relative deviation of the total intensity, which varies smoothly.
    background : float
        Mean share of an amorphous halo, which varies smoothly. It is the first component, 'amorphous'; with 0 there is none.
    bending_mrad : float
        Change of tilt over the whole scan, along its columns. Every column is then a separate component.
    edge : float
        Sigma of the blur of the domain walls, in positions.
    direct_beam, spot_width, dose, pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom. Domains have the `phases` 1 and 2, the background 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.antiparallel_domains(scan_shape=(12, 10), detector_shape=(41, 41), centre=(20.0, 20.0), dose=None)
    >>> up, down = p.patterns[1:]
    >>> p.names, bool(abs(up - down[::-1, ::-1]).max() < 1e-9)
    (('amorphous', 'up', 'down'), True)
    """
    settings = dict(locals(), builder="antiparallel_domains")
    scan_shape = check_shape("scan_shape", scan_shape, smallest=2)
    for name in ("polarity", "thickness_variation", "background"):
        check_range(name, settings[name], 0, 1, open_high=True)
    check_range("domain_width", domain_width, 0, open_low=True)
    check_range("bending_mrad", bending_mrad, 0)
    check_range("spot_width", spot_width, 0, open_low=True)
    check_range("edge", edge, 0)
    detector, structure, pattern_rng, noise_rng = begin(settings)
    scattered, tilts = _patterns(detector, polarity, bending_mrad, scan_shape[1], spot_width, pattern_rng)
    maps = _domains(scan_shape, len(tilts), domain_width, edge, structure)
    names = [f"{word}{tilt}" for word in ("up", "down") for tilt in tilts]
    phases = np.repeat([1, 2], len(tilts))
    if background:
        share = background * (1 + 0.4 * smooth_field(scan_shape, structure, max(scan_shape) / 5))
        share = np.clip(share, 0, 0.95)
        maps = np.concatenate([share[None], (1 - share) * maps])
        scattered = [detector.halo(), *scattered]
        names, phases = ["amorphous", *names], np.concatenate([[0], phases])
    maps = maps * (1 + thickness_variation * smooth_field(scan_shape, structure, max(scan_shape) / 6))
    return assemble(settings, scattered, maps, detector, noise_rng, names, phases=phases)


def _patterns(detector, polarity, bending, n, spot_width, rng):
    """Patterns of total 1, those of all tilts up and then down; and what the tilts are called."""
    crystal = make_crystal("diamond", 5.65, (0, 1, 1), detector.q_max)
    xy = rotate(crystal.xyz[:, :2], rng.uniform(0, 360))
    # One of each pair has the random difference, and its partner the opposite one.
    one = (crystal.xyz[:, :2] @ (1.0, 1e-3)) > 0
    difference = np.zeros(len(xy))
    difference[one] = rng.uniform(-polarity, polarity, one.sum())
    lowest = [np.argmin(np.abs(crystal.xyz + g).sum(axis=1)) for g in crystal.xyz[one]]
    difference[lowest] = -difference[one]
    along = np.linspace(-0.5, 0.5, n) * bending if bending else np.zeros(1)
    angle = rng.uniform(0, 2 * np.pi)
    out = []
    for sign in (1, -1):
        for tilt in along:
            intensity = crystal.intensity(tilt * np.array([np.cos(angle), np.sin(angle)])) * (1 + sign * difference)
            drawn = unit(detector.spots(xy, intensity, spot_width))
            out.append((1 - DIFFUSE) * drawn + DIFFUSE * detector.diffuse())
    return out, [f" at {tilt:.1f} mrad" if bending else "" for tilt in along]


def _domains(shape, n_tilts, width, edge, rng):
    """Shares of both signs, of each tilt in its own column."""
    up = (smooth_field(shape, rng, width / 2) > 0).astype(float)
    if edge:
        up = scipy.ndimage.gaussian_filter(up, edge, mode="nearest")
    column = np.eye(n_tilts)[:, None, :] if n_tilts > 1 else np.ones((1, 1, 1))
    return np.concatenate([column * up, column * (1 - up)])
