"""Crystalline specimens: spots of grains, twins, a bent crystal, an embedded particle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._build import assemble, begin
from ._checks import check_range, check_shape
from ._patterns import LATTICES, ZONES, make_crystal, mirror, rotate, unit

if TYPE_CHECKING:
    from ._phantom import Phantom


def random_spots(detector, rng, tilt_mrad=6.0):
    """Spots (xy, intensity) of a random lattice and zone axis, slightly off it; not rotated in the plane."""
    lattice, a = LATTICES[rng.integers(len(LATTICES))]
    zone = ZONES[rng.integers(len(ZONES))]
    # The deviation from the zone axis draws the Laue circle and tells grains of one zone apart.
    tilt = rng.normal(0, tilt_mrad, 2)
    # A high zone of a small cell can have no spot on a small detector: the lowest zone then.
    for attempt in (zone, (0, 0, 1)):
        crystal = make_crystal(lattice, a * rng.uniform(0.97, 1.03), attempt, detector.q_max)
        near = np.linalg.norm(crystal.xyz[:, :2], axis=1) < 0.3 * detector.q_max
        if near.any():
            break
    return crystal.xyz[:, :2], crystal.intensity(tilt)


def zone_pattern(detector, lattice, a, zone, spot_width, rng, turn=360):
    """Spots of total intensity 1 of a crystal near a zone axis, rotated by up to `turn` degrees."""
    crystal = make_crystal(lattice, a, zone, detector.q_max)
    xy = rotate(crystal.xyz[:, :2], rng.uniform(0, turn))
    return unit(detector.spots(xy, crystal.intensity(rng.normal(0, 3, 2)), spot_width))


def twin_spots(detector, rng):
    """Spots of an fcc crystal along <011> and of its {111} twin.

    Returns xy, twin (ndarray): (n, 2), 1/angstrom; the twin is the mirror image on the row of the 111 spots, which both
        share.
    Returns intensity (ndarray).
    Returns axis_deg (float): Direction of the mirror line, degrees counter-clockwise on screen.
    """
    crystal = make_crystal("fcc", 4.09 * rng.uniform(0.97, 1.03), (0, 1, 1), detector.q_max)
    turn = rng.uniform(0, 360)
    xy = rotate(crystal.xyz[:, :2], turn)
    # {111} are the shortest reflections of this zone.
    shortest = xy[np.argmin(np.linalg.norm(xy, axis=1))]
    axis_deg = float(np.rad2deg(np.arctan2(shortest[1], shortest[0])))
    return xy, mirror(xy, axis_deg), crystal.intensity(rng.normal(0, 3, 2)), axis_deg


def bent_crystal(
    *,
    scan_shape: tuple[int, int] = (10, 40),
    detector_shape: tuple[int, int] = (96, 90),
    bending_mrad: float = 30.0,
    precession_mrad: float = 0.0,
    thickness: float = 40.0,
    zone: tuple[int, int, int] = (0, 1, 1),
    lattice_parameter: float = 5.65,
    direct_beam: float = 0.0,
    spot_width: float = 3.0,
    dose: float | None = None,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 2.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate one bent crystal, whose spot intensities vary continuously along the scan.

    Bending adds real components: you can count distinguishable patterns, but not crystals. Precession averages each
    reflection over a circle of tilts, so there are fewer of them (Martineau 2019, Fig. 2: an elbow after 3 components at 35
    mrad, 4 at 9 mrad, none without precession). The simulation is kinematical; the lattice is GaAs-like, without the weak
    difference reflections.

    The linear model is exact in a trivial way: each scan column has its own tilt and is one component, whose map is that
    column. All components belong to the same phase.

    Parameters
    ----------
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    bending_mrad : float
        Change of tilt over the whole scan, along its columns.
    precession_mrad : float
        Precession angle.
    thickness : float
        Thickness in nm. Its inverse is the width of the rocking curves, so bending has less effect on a thin crystal.
    zone : tuple of int
        Zone axis at the centre of the scan.
    lattice_parameter : float
        Lattice parameter in angstrom.
    direct_beam, spot_width, dose, pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom. k is the number of scan columns, and components are named by tilt.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.bent_crystal(scan_shape=(2, 5), detector_shape=(32, 30), bending_mrad=20.0)
    >>> p.names[0], p.names[2]
    ('tilt -10.0 mrad', 'tilt 0.0 mrad')
    """
    settings = dict(locals(), builder="bent_crystal")
    scan_shape = check_shape("scan_shape", scan_shape)
    check_shape("zone", [abs(i) for i in zone], length=3, smallest=0)
    if not any(zone):
        raise ValueError(f"zone must have an index other than 0, found {zone!r}")
    for name in ("bending_mrad", "precession_mrad"):
        check_range(name, settings[name], 0)
    for name in ("lattice_parameter", "spot_width", "thickness"):
        check_range(name, settings[name], 0, open_low=True)
    detector, _, pattern_rng, noise_rng = begin(settings)
    crystal = make_crystal("diamond", lattice_parameter, zone, detector.q_max, s_width=0.1 / thickness)
    xy = rotate(crystal.xyz[:, :2], pattern_rng.uniform(0, 360))
    # The bending axis is at a general angle to the lattice rows, and a small constant tilt breaks the
    # symmetry.
    direction = np.deg2rad(pattern_rng.uniform(15, 30))
    off = pattern_rng.normal(0, 1.0, 2)
    cols = scan_shape[1]
    tilts = np.linspace(-0.5, 0.5, cols) * bending_mrad if cols > 1 else np.zeros(1)
    across = np.array([np.cos(direction), np.sin(direction)])
    intensity = [crystal.intensity(off + t * across, precession_mrad) for t in tilts]
    # One scale for all tilts: normalising each would mix the reflections; the mean pattern has the dose.
    scattered = np.stack([detector.spots(xy, i, spot_width) for i in intensity])
    unit(scattered.sum(axis=0))
    scattered /= scattered.sum(axis=(1, 2)).mean()
    maps = np.zeros((cols, *scan_shape))
    maps[np.arange(cols), :, np.arange(cols)] = 1
    names = [f"tilt {t + 0.0:.1f} mrad" for t in tilts]
    return assemble(settings, scattered, maps, detector, noise_rng, names, phases=np.zeros(cols, int))


def embedded_particle(
    *,
    scan_shape: tuple[int, int] = (32, 30),
    detector_shape: tuple[int, int] = (96, 90),
    max_share: float = 0.4,
    radius: float = 8.0,
    direct_beam: float = 0.0,
    spot_width: float = 3.0,
    dose: float | None = 3e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 1.5,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a particle embedded in a crystalline matrix, so that it is not pure at any position.

    "Cluster analysis cannot separate the contribution from a microstructural feature which has no pure signal in the scan,
    for example a fully embedded particle" (Martineau 2019). The particle is a lens: its share decreases from `max_share` at
    the centre to 0 at its rim.

    Parameters
    ----------
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    max_share : float
        Largest share of the particle in the thickness, below 1.
    radius : float
        Radius of the particle in positions. There must be some matrix around it.
    direct_beam, spot_width, dose, pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom with k = 2 components, 'matrix' and 'particle'.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.embedded_particle(scan_shape=(20, 20), detector_shape=(32, 30), radius=6, max_share=0.3)
    >>> bool(p.maps[1].max() <= 0.3)
    True
    """
    settings = dict(locals(), builder="embedded_particle")
    scan_shape = check_shape("scan_shape", scan_shape, smallest=4)
    check_range("max_share", max_share, 0, 1, open_low=True, open_high=True)
    check_range("radius", radius, 0, min(scan_shape) / 2, open_low=True)
    check_range("spot_width", spot_width, 0, open_low=True)
    detector, structure, pattern_rng, noise_rng = begin(settings)
    scattered = []
    for lattice, a, zone in (("fcc", 4.05, (0, 1, 1)), ("bcc", 2.87, (0, 0, 1))):
        spots = zone_pattern(detector, lattice, a, zone, spot_width, pattern_rng)
        scattered.append(0.85 * spots + 0.15 * detector.diffuse())
    row, col = np.indices(scan_shape)
    middle = (np.asarray(scan_shape) - 1) / 2 + structure.uniform(-1, 1, 2)
    inside = 1 - ((row - middle[0]) ** 2 + (col - middle[1]) ** 2) / radius**2
    particle = max_share * np.sqrt(np.clip(inside, 0, None))
    maps = np.stack([1 - particle, particle])
    return assemble(settings, scattered, maps, detector, noise_rng, ("matrix", "particle"))
