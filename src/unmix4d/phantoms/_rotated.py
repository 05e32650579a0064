"""A few phases, rotated in the plane at random: by position, by grain, or as precipitates in a glass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._build import assemble, begin
from ._checks import check_count, check_range, check_shape
from ._maps import film_grains, soft_box, spread_points
from ._patterns import DIFFUSE, make_crystal, rotate, unit

if TYPE_CHECKING:
    from ._phantom import Phantom

LAYOUTS = ("positions", "grains", "precipitates")

# Lattice, parameter in angstrom and zone axis of each phase; the first three are those of `kimoto`.
PHASES = (
    ("fcc", 4.09, (0, 1, 1)), ("bcc", 3.31, (1, 1, 1)), ("fcc", 3.61, (0, 0, 1)),
    ("diamond", 5.43, (0, 1, 1)), ("bcc", 2.87, (0, 0, 1)), ("fcc", 5.64, (1, 1, 2)),
)  # fmt: skip


def _layout(layout, scan_shape, n_grains, background, share, edge, rng):
    """Maps (1 + n, rows, cols) of what is amorphous and of each crystal; n is the number of crystals."""
    if layout == "precipitates":
        maps = _boxes(scan_shape, spread_points(n_grains, scan_shape, rng), share, edge)
        return np.concatenate([1 - maps.sum(axis=0, keepdims=True), maps])
    if layout == "grains":
        maps = film_grains(spread_points(n_grains, scan_shape, rng), scan_shape, 0.0, edge, rng)
    else:
        n = scan_shape[0] * scan_shape[1]
        maps = np.eye(n).reshape(n, *scan_shape)
    return np.concatenate([np.full((1, *scan_shape), background), (1 - background) * maps])


def _boxes(scan_shape, points, share, edge):
    """Soft boxes around the points, half as wide as the crystals are apart, that together stay at or below `share`."""
    width = 0.5 * np.sqrt(scan_shape[0] * scan_shape[1] / len(points))
    down = np.stack([soft_box(scan_shape[0], row, width, edge) for row, _ in points])
    across = np.stack([soft_box(scan_shape[1], col, width, edge) for _, col in points])
    maps = down[:, :, None] * across[:, None, :]
    return share * maps / np.maximum(maps.sum(axis=0).max(), 1)


def rotated_phases(
    *,
    n_phases: int = 3,
    layout: str = "positions",
    n_grains: int = 24,
    scan_shape: tuple[int, int] = (16, 16),
    detector_shape: tuple[int, int] = (128, 128),
    background: float = 0.2,
    share: float = 0.3,
    tilt_mrad: float = 3.0,
    edge: float = 0.7,
    direct_beam: float = 0.0,
    spot_width: float = 2.6,
    dose: float | None = 2e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 1.5,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a few phases, each seen along one zone axis and rotated in the plane at random.

    Every crystal is one component, an in-plane rotated copy of the pattern of its phase by the angle in `rotations_deg`;
    `phases` is 0 for the amorphous component and 1 to `n_phases` for the crystals. With ``layout="positions"`` every
    position is a different crystal, so there is one pattern per position in memory.

    Parameters
    ----------
    n_phases : int
        Number of cubic phases, 1 to 6, each along a different low-index zone axis. They are assigned to the crystals in
        turn.
    layout : {"positions", "grains", "precipitates"}
        One crystal at every position; columnar grains; or small crystals in an amorphous matrix, as in the metallic glass of
        Kimoto 2025 (Fig. 8).
    n_grains : int
        Number of grains or precipitates.
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    background : float
        Share of the amorphous halo, except with precipitates. With 0 there is no such component.
    share : float
        Share of a precipitate in the intensity at its thickest point.
    tilt_mrad : float
        Standard deviation of the tilt of each phase off its zone axis. The tilt rotates with the crystal.
    edge : float
        Sigma of the blur of grains and precipitates, in positions.
    direct_beam : float
        Share of the dose in the direct beam of all patterns.
    spot_width : float
        Full width at half maximum of a spot, in pixels.
    dose, pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom. If there is a background, it is the first component, 'amorphous'.
        ``phantom.phases[phantom.maps.argmax(0)]`` is the phase at every position, unless the amorphous share is larger.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.rotated_phases(scan_shape=(2, 3), detector_shape=(48, 48))
    >>> p.k, p.phases.tolist(), p.rotations_deg.shape
    (7, [0, 3, 1, 2, 2, 1, 3], (7,))
    """
    settings = dict(locals(), builder="rotated_phases")
    scan_shape = check_shape("scan_shape", scan_shape)
    if check_count("n_phases", n_phases) > len(PHASES):
        raise ValueError(f"n_phases must be at most {len(PHASES)}, found {n_phases}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {LAYOUTS}, found {layout!r}")
    check_count("n_grains", n_grains)
    for name in ("background", "share"):
        check_range(name, settings[name], 0, 1, open_high=True)
    check_range("tilt_mrad", tilt_mrad, 0)
    check_range("edge", edge, 0)
    check_range("spot_width", spot_width, 0, open_low=True)
    detector, structure, pattern_rng, noise_rng = begin(settings)
    maps = _layout(layout, scan_shape, n_grains, background, share, edge, structure)
    phases, angles, patterns = _crystals(detector, len(maps) - 1, n_phases, tilt_mrad, spot_width, pattern_rng)
    phases, angles = np.concatenate([[0], phases]), np.concatenate([[np.nan], angles])
    names = ["amorphous", *(f"phase {p} at {a:.0f} degrees" for p, a in zip(phases[1:], angles[1:]))]
    patterns = [detector.halo(), *patterns]
    if layout != "precipitates" and not background:
        maps, patterns, names, phases, angles = maps[1:], patterns[1:], names[1:], phases[1:], angles[1:]
    return assemble(settings, patterns, maps, detector, noise_rng, names, phases=phases, rotations_deg=angles)


def _crystals(detector, n, n_phases, tilt_mrad, spot_width, rng):
    """Phase (n,), angle in degrees (n,) and pattern of each crystal."""
    references = []
    for lattice, a, zone in PHASES[:n_phases]:
        crystal = make_crystal(lattice, a, zone, detector.q_max)
        references.append((crystal.xyz[:, :2], crystal.intensity(rng.normal(0, 1, 2) * tilt_mrad)))
    phases, angles = rng.permutation(np.arange(n) % n_phases), rng.uniform(0, 360, n)
    flat = DIFFUSE * detector.diffuse()
    patterns = []
    for phase, angle in zip(phases, angles):
        xy, intensity = references[phase]
        patterns.append((1 - DIFFUSE) * unit(detector.spots(rotate(xy, angle), intensity, spot_width)) + flat)
    return phases + 1, angles, patterns
