"""A twin boundary that scatters dynamically under a precessing beam (like Martineau 2019, Fig. 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

from ._build import assemble, begin
from ._checks import check_count, check_range, check_shape
from ._layers import Disk, pixels_of, through
from ._maps import inclined_boundary
from ._patterns import WAVELENGTH
from ._two_beam import MATERIALS, Reflections, reflections

if TYPE_CHECKING:
    from ._phantom import Phantom

# Rows are the directions of the crystal along (row, column, z): [110] along the beam, a {111} normal along the rows.
_ZONE = np.array([[1, -1, 1], [1, -1, -2], [1, 1, 0]]) / np.sqrt([[3], [6], [2]])
_TWIN = np.array([1.0, -1.0, -1.0])  # half a turn about that normal


def martineau_fig7(
    *,
    precession_mrad: float = 0.0,
    scan_shape: tuple[int, int] = (2, 41),
    detector_shape: tuple[int, int] = (64, 60),
    pure_to_mixed: float = 1.0,
    material: str = "Al",
    thickness: float = 55.0,
    tilt_mrad: tuple[float, float] = (1.0, 0.5),
    azimuths: int = 48,
    beam_stop: float = 4.0,
    spot_width: float = 2.8,
    dose: float | None = None,
    pixel_size: float | None = 0.055,
    centre: tuple[float, float] | None = None,
    step: float = 1.0,
    seed: int | None = 0,
) -> Phantom:
    """A twin boundary inclined to a precessing beam, with thickness fringes (like Martineau 2019, Fig. 7).

    Two twins, looked at along <110>, lie one above the other, and their thickness shares change along the line. Spots
    oscillate with the thickness (two beams, and the beams of the upper twin fall on the lower one, as in
    `dynamical_film`), so that their heights are no measure of it. Precession averages the patterns over a cone of tilts;
    each beam then passes through its Bragg condition, and grows more evenly with the thickness.

    The data are **not** maps times patterns: `patterns` are those of the two ends, `maps` the shares of the thickness.

    Parameters
    ----------
    precession_mrad : float
        Half angle of the cone; 0: a beam that stands still.
    scan_shape : tuple of int
        Rows repeat the same line scan; the boundary crosses the columns.
    detector_shape : tuple of int
    pure_to_mixed : float
        Length of the pure parts over the length of the mixed part of the line.
    material : str
        "Al", whose extinction distances are close to those of GaAs, or another of the fcc metals of `dynamical_film`.
    thickness : float
        nm, of both crystals together.
    tilt_mrad : tuple of float
        Small tilt away from the zone axis, without which both twins are alike by symmetry in many spots.
    azimuths : int
        Directions on the cone that are averaged.
    beam_stop : float
        Radius of what is masked about the direct beam, pixels; 0: nothing.
    spot_width, dose, pixel_size, centre, step, seed
        As in `kimoto`; electrons of the incident beam.

    Returns
    -------
    Phantom
        k = 2: 'upper twin', 'lower twin'.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    References
    ----------
    Howie and Whelan, Proc. R. Soc. A 263 (1961) 217, doi:10.1098/rspa.1961.0157

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.martineau_fig7(precession_mrad=10, scan_shape=(1, 9), azimuths=12)
    >>> p.data.shape, p.names
    ((1, 9, 64, 60), ('upper twin', 'lower twin'))
    """
    settings = dict(locals(), builder="martineau_fig7")
    rows, cols = check_shape("scan_shape", scan_shape, smallest=1)
    _check(settings)
    detector, _, _, noise_rng = begin(settings)
    share = inclined_boundary(cols, cols / (1 + pure_to_mixed))
    # The pure ends are asked for too: they are the true patterns.
    shares = np.r_[share, 1.0, 0.0]
    twins = reflections(material, _ZONE, detector.q_max)
    twins = twins, Reflections(twins.vectors * _TWIN, twins.extinction)
    cone = _cone(precession_mrad, azimuths) + np.asarray(tilt_mrad, float)
    images = _averaged(twins, shares, 10 * thickness, cone * 1e-3 / WAVELENGTH, detector)
    images = scipy.ndimage.gaussian_filter(images, (0, spot_width / 2.3548, spot_width / 2.3548), mode="constant")
    row, col = np.indices(detector.shape)
    stop = np.hypot(row - detector.centre[0], col - detector.centre[1]) <= beam_stop if beam_stop else None
    maps = np.repeat(np.stack([share, 1 - share])[:, None], rows, axis=1)
    return assemble(
        settings, images[cols:], maps, detector, noise_rng, ("upper twin", "lower twin"), mask=stop,
        expectation=lambda row: images[:cols].copy(), phases=np.zeros(2, int),
    )  # fmt: skip


def _check(settings):
    if MATERIALS.get(settings["material"]) is None or MATERIALS[settings["material"]].centring != "fcc":
        names = ", ".join(name for name, one in MATERIALS.items() if one.centring == "fcc")
        raise ValueError(f"material must be one of {names}, found {settings['material']!r}")
    for name in ("precession_mrad", "pure_to_mixed", "beam_stop"):
        check_range(name, settings[name], 0)
    for name in ("thickness", "spot_width"):
        check_range(name, settings[name], 0, open_low=True)
    tilt = settings["tilt_mrad"]
    if not isinstance(tilt, (tuple, list)) or len(tilt) != 2:
        raise ValueError(f"tilt_mrad must be two numbers, found {tilt!r}")
    for each in tilt:
        check_range("tilt_mrad", each, -50, 50)
    check_count("azimuths", settings["azimuths"])


def _cone(angle, n):
    """Tilts (n, 2) of a precessing beam; one, of zero, where it stands still."""
    if not angle:
        return np.zeros((1, 2))
    turn = 2 * np.pi * np.arange(n) / n
    return angle * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _averaged(twins, shares, thickness, cone, detector):
    """Mean over the cone of the images (n, rows, cols) behind both twins, every beam a point."""
    point = Disk(np.zeros((1, 2)), np.ones(1))
    # What is seen from nowhere on the cone is left out.
    near = [twin.near(np.linalg.norm(cone, axis=1).max(), thickness) for twin in twins]
    total = 0.0
    for tilt in cone:
        at = np.repeat(tilt[None], len(shares), axis=0)
        vectors, beams = through(near, [shares * thickness, (1 - shares) * thickness], at, point)
        # The precessing beam is brought back behind the specimen: spots stay where they are.
        total = total + beams.reshape(len(shares), -1).astype(float) @ pixels_of(detector, vectors, point)
    return (total / len(cone)).reshape(-1, *detector.shape)
