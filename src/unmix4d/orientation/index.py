"""Index component patterns with the matcher of a host, which follows from the type of the simulation."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..core import checks
from ..core.progress import part_done, progress
from ..hosts import progress_wanted
from ..results.rather_grains import rather_grains
from . import match_py4dstem, match_pyxem
from .convert import is_map
from .disk_likeness import DiskLikeness
from .disks import component_disks, radius_of
from .geometry import to_inverse_angstrom
from .likelihood import DISTORTION, FITTED
from .neighbours import decided_by_neighbours, twin_rotations
from .orientations import Orientations
from .own_map import of_own_map
from .pattern_likeness import PatternLikeness, SmoothedPattern, farthest
from .pattern_model import PatternModel
from .phase_names import told_apart
from .phase_symmetry import symmetry_of_crystal, symmetry_of_phase
from .ranking import candidates as ranked
from .record import choose_phase
from .sources import ENOUGH, least_gains, of_others, paint, presence, representative_patterns
from .twins import twin_laws_of

__all__ = ["index", "orientations"]

_PHASE_GAP = 0.05  # of the fit, below which it is ambiguous (docs/orientation.md); no table
_ODDS = 20.0  # from which on one of two orientations is taken for certain
_RANKS = ("auto", "pattern", "disks", "host")
_CANDIDATES = {"pattern": 4, "disks": 24, "host": 1}  # with a pattern all templates are looked at here
_DIRECT_BEAM = 0.1  # 1/Å: nearer to the centre than any reflection of a cell of less than 10 Å
_BACKGROUNDS = (None, "radial median", "radial percentile")


def index(
    result: Any,
    simulation: Any,
    *,
    source: str | None = None,
    enough: int = ENOUGH,
    vectors: Any = None,
    phase_gap: float = _PHASE_GAP,
    odds: float = _ODDS,
    model_error: float | None = None,
    prefer: str | None = None,
    twin_laws: Sequence[tuple[Sequence[float], float]] | str = (),
    q_min: float | None = None,
    q_max: float | None = None,
    disk_radius: float | None = None,
    probe: Any = None,
    detection: dict[str, Any] | None = None,
    plan: dict[str, Any] | None = None,
    min_peaks: int = 3,
    rank: str = "auto",
    candidates: int | None = None,
    refine: bool = True,
    distortion: bool = False,
    gamma: float = 0.5,
    background: str | None = None,
    components: Sequence[int] | None = None,
    crystal: Any = None,
    frame: str | None = None,
) -> Orientations:
    """Index phase and orientation of every component, with the matching of pyxem or py4DSTEM.

    Only the k component patterns are matched, instead of the patterns of all positions. A diffsims simulation is matched by
    pyxem (``PolarDiffraction2D.get_orientation`` with all templates), a py4DSTEM Crystal by py4DSTEM
    (``match_single_pattern`` with the disks of each pattern).

    Parameters
    ----------
    simulation : diffsims Simulation2D or py4DSTEM Crystal, or a list or dict of them; or a finished map
        For several phases, pass a simulation of several phases, or a list or dict (with names as keys) of simulations or
        crystals. If a crystal has no structure factors or orientation plan, they are computed in a copy, from `plan`, the
        beam energy of the scan (300 keV if it is not known) and the symmetry of its diffraction. You can also pass a
        finished orientation map of the scan: an OrientationMap of pyxem, py4DSTEM or quantem, a CrystalMap of quantem or of
        orix, or the file of one (.ang, .ctf, .h5). The positions of each component then vote for its orientation, and its
        pattern decides among the candidates if there is a crystal to compare it with. In that case only `source`, `enough`,
        `q_min`, `q_max`, `disk_radius`, `refine`, `components`, `crystal` and `frame` are used.
    source : {"single", "mean", "component"} or None
        Pattern of a component that is indexed: the mean measured pattern of the positions where the component is alone, the
        mean measured pattern of the positions where it is the strongest, or the component pattern. By default the first if
        there are `enough` such positions, otherwise the last. The first two need the scan (not after loading without
        ``data=``).
    enough : int
        Smallest number of single positions for ``"single"``.
    vectors : Bragg vectors of a host, optional
        Measured disks to use instead of those detected in the patterns (py4DSTEM only). They are gathered for each
        component, see `group_braggvectors`.
    phase_gap : float
        The phase of a component is ambiguous if the second phase fits worse by less than this share.
    odds : float
        The orientation of a component is ambiguous unless it is this many times more likely than its rival, given counting
        noise and the model error. The rival is the best orientation that is more than 5 degrees away under all symmetries;
        the copy after half a turn is always considered. An orientation that is not known to 2 degrees is ambiguous as well.
    model_error : float, optional
        Error of simulated amplitudes, as a share of their root mean square. By default what the best fit leaves beyond
        counting noise, at least 0.02.
    prefer : {"neighbours"} or None
        ``"neighbours"`` decides ambiguous orientations if a neighbouring component favours one of the two, see `twin_laws`.
    twin_laws : sequence of ((float, float, float), float), or "auto"
        Axes (Cartesian, in the crystal) and angles in degrees of misorientations that you expect at boundaries, such as
        ``[((1, 1, 1), 60)]`` for twins of cubic crystals. ``prefer="neighbours"`` takes the orientation that is the same as
        that of the neighbour, or related to it by one of these. If both are or neither is, the orientation remains
        ambiguous. ``"auto"`` uses the laws of the Laue group of each phase: 60 degrees about <111> for cubic crystals, and
        for 4/m, -3, -3m, 6/m and m-3 the rotations of the lattice that the group does not have.
    q_min, q_max : float, optional
        Range of vectors in 1/Å. Shorter vectors are the direct beam (default 0.1, but 0 for templates); longer ones are
        ignored.
    disk_radius : float, optional
        Radius of the disks in pixels. By default measured on the brightest spot of each pattern.
    probe : py4DSTEM Probe or ndarray (det_row, det_col), optional
        Measured probe to use as the template of the disks (py4DSTEM).
    detection : dict, optional
        Arguments of ``find_Bragg_disks`` that replace the default ones (py4DSTEM).
    plan : dict, optional
        Arguments of ``orientation_plan`` that replace the default ones (py4DSTEM): ``zone_axis_range``,
        ``angle_step_zone_axis``, ...
    min_peaks : int
        Smallest number of disks that are matched (py4DSTEM).
    rank : {"auto", "pattern", "disks", "host"}
        How the orientation is chosen from those that the host proposes. ``"pattern"`` takes the one whose simulated pattern
        is most similar to the whole measured pattern (see `unmix4d.orientation.pattern_likeness`), ``"disks"`` the one
        whose simulated disks are most similar to the measured disks, and ``"host"`` the one with the best score of the
        host. ``"auto"`` is ``"pattern"``, or ``"disks"`` with `vectors`.
    candidates : int, optional
        Number of orientations that py4DSTEM returns (pyxem returns one for every template): by default 24 with
        ``rank="disks"``, otherwise 1 or 4. ``rank="pattern"`` looks at every template of the host at all in-plane angles.
    refine : bool
        Whether to refine the best candidates to 0.25 degrees. If False, they stay on the grid of the host. Has no effect
        with ``rank="host"``.
    distortion : bool
        Whether to fit a scale and an elliptic distortion to every pattern as well (with ``rank="pattern"`` and `refine`).
        Use it if the pixel size is only known to a few per cent. ``settings["distortion_found"]`` has their medians:
        ``scale`` of all lengths, ``strain`` of rows relative to columns, and ``shear``.
    gamma : float
        Exponent of the intensities (pyxem).
    background : {None, "radial median", "radial percentile"}
        Background that is subtracted from the polar patterns (pyxem): the median of each ring, or its 75th percentile.
    components : sequence of int, optional
        Components to index and to show on the map. By default all; for merged components those that are probably grains
        (`no_grains`).
    crystal : Crystal of py4DSTEM or quantem, orix Phase or diffsims Simulation2D, or a dict of them by phase, optional
        Crystals of the phases of a finished map. Needed if the map does not contain them, such as the maps of py4DSTEM and
        files.
    frame : {"pyxem", "astar", "edax", "oxford", "scan"}, optional
        Axes in which a CrystalMap is written. By default those of the program whose columns it has, or that wrote the file.

    Returns
    -------
    Orientations

    Raises
    ------
    TypeError
        If `simulation` is none of these.
    ValueError
        If an argument is out of range, if the detector is not calibrated in a reciprocal length, if the components have
        both signs (svd, pca, ica), or if the scan is needed and not available. Also if a finished map is of another scan,
        has no indexed position, has none of the phases of `crystal`, or is a file that does not say in which axes it is
        written.

    References
    ----------
    Cautaerts et al., Ultramicroscopy 237 (2022) 113517 (template matching of pyxem); Ophus et al., Microsc.
    Microanal. 28 (2022) 390 (ACOM of py4DSTEM)

    Examples
    --------
    With templates of pyxem, every 20 degrees (a real search has one every 1 or 2):

    >>> from diffpy.structure import Atom, Lattice, Structure  # doctest: +SKIP
    >>> from diffsims.generators.simulation_generator import SimulationGenerator  # doctest: +SKIP
    >>> from orix.crystal_map import Phase  # doctest: +SKIP
    >>> from orix.sampling import get_sample_reduced_fundamental  # doctest: +SKIP
    >>> from unmix4d import Unmix, phantoms
    >>> cell = Structure([Atom("Po", [0, 0, 0])], Lattice(3.36, 3.36, 3.36, 90, 90, 90))  # doctest: +SKIP
    >>> phase = Phase("polonium", space_group=221, structure=cell)  # doctest: +SKIP
    >>> rotations = get_sample_reduced_fundamental(20, point_group=phase.point_group)  # doctest: +SKIP
    >>> templates = SimulationGenerator(300).calculate_diffraction2d  # doctest: +SKIP
    >>> simulation = templates(phase, rotations, reciprocal_radius=0.8)  # doctest: +SKIP
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 8), detector_shape=(48, 48), background=0, seed=0)
    >>> result = film.to_pyxem().unmix.nmf(2, random_state=0)  # doctest: +SKIP
    >>> found = result.index(simulation)  # doctest: +SKIP
    >>> found.k, found.host, found.matches[0].phase  # doctest: +SKIP
    (2, 'pyxem', 'polonium')
    >>> found.to_host().shape, found.plot().get_title()  # doctest: +SKIP
    ((10, 8), 'direction along the beam')
    """
    started = time.perf_counter()
    if is_map(simulation):
        return of_own_map(
            result, simulation, crystal=crystal, frame=frame, source=source, enough=enough, q_min=q_min, q_max=q_max,
            disk_radius=disk_radius, refine=refine, odds=checks.positive(odds, "odds"), components=components,
        )  # fmt: skip
    if crystal is not None or frame is not None:
        raise ValueError("crystal and frame are only used with a finished orientation map, not with a simulation")
    kind, phases = _phases(simulation)
    phase_gap = checks.positive(phase_gap, "phase_gap", zero=True)
    odds = checks.positive(odds, "odds")
    model_error = None if model_error is None else checks.positive(model_error, "model_error")
    given_laws = [] if isinstance(twin_laws, str) and twin_laws == "auto" else twin_laws
    laws = twin_rotations(given_laws)
    if prefer is not None:
        checks.choice(prefer, "prefer", ("neighbours",))
    q_min = None if q_min is None else checks.positive(q_min, "q_min", zero=True)
    q_max = None if q_max is None else checks.positive(q_max, "q_max")
    min_peaks = checks.count(min_peaks, "min_peaks", minimum=2)
    gamma = checks.positive(gamma, "gamma")
    checks.choice(background, "background", _BACKGROUNDS)
    checks.choice(rank, "rank", _RANKS)
    candidates = None if candidates is None else checks.count(candidates, "candidates")
    checks.flag(refine, "refine")
    if checks.flag(distortion, "distortion") and (rank not in ("auto", "pattern") or vectors is not None or not refine):
        raise ValueError('distortion needs whole patterns: use rank="pattern" without vectors, and refine=True')
    if vectors is not None and kind == "pyxem":
        raise ValueError("vectors need a py4DSTEM Crystal: pyxem's template matching needs patterns")
    presence(result)  # refuses what has no presence before anything is read
    chosen = np.array(sorted(rather_grains(components, result)))
    if vectors is None:
        to_inverse_angstrom(result.geometry)
    seconds: dict[str, float] = {}
    if rank == "auto":
        rank = "pattern" if vectors is None else "disks"
    if candidates is None:
        candidates = _CANDIDATES[rank]
    if rank == "pattern" and vectors is not None:
        raise ValueError('rank must be "disks" or "host" with vectors, which are no patterns, got "pattern"')
    if kind == "pyxem":
        options = {"q_min": q_min, "q_max": q_max, "gamma": gamma, "background": background, "rank": rank, "refine": refine,
                   "disk_radius": disk_radius, "detection": detection, "model_error": model_error,
                   "distortion": distortion}  # fmt: skip
        with progress(1, f"orientations of {len(chosen)} components with pyxem", progress_wanted(result.host.kind)):
            told, symmetry, native = _by_pyxem(result, chosen, phases, source, enough, options, seconds)
    else:
        options = {"q_min": q_min, "q_max": q_max, "disk_radius": disk_radius, "probe": probe, "detection": detection,
                   "plan": plan, "min_peaks": min_peaks, "rank": rank, "candidates": candidates,
                   "refine": refine, "model_error": model_error, "distortion": distortion}  # fmt: skip
        with progress(1, f"orientations of {len(chosen)} components with py4DSTEM", progress_wanted(result.host.kind)):
            told, symmetry, native = _by_py4dstem(result, chosen, phases, source, enough, vectors, options, seconds)
    gaps = {"phase_gap": phase_gap, "odds": odds}
    matches = tuple(choose_phase(i, *one, **gaps) for i, one in enumerate(told))
    painting = paint(result, [match.matched for match in matches])
    if prefer == "neighbours":
        each = {name: laws if given_laws is twin_laws else twin_laws_of(group) for name, group in symmetry.items()}
        matches = decided_by_neighbours(matches, painting, symmetry, each)
    seconds["total"] = time.perf_counter() - started
    settings: dict[str, Any] = {"source": source, "enough": enough, **gaps, "prefer": prefer, "phases": list(phases)}
    settings["not_indexed"] = sorted(set(range(result.k)) - set(chosen.tolist()))
    settings["twin_laws"] = (
        twin_laws if isinstance(twin_laws, str) else [[[*map(float, axis)], float(angle)] for axis, angle in twin_laws]
    )
    settings |= {name: value for name, value in options.items() if isinstance(value, (int, float, str, dict, type(None)))}
    return Orientations(kind, matches, painting, result.geometry, symmetry, native, seconds, settings)


def _phases(simulation):
    """(host, {name: simulation or crystal}) of what the user gave; refuses everything else."""
    several = isinstance(simulation, (dict, list, tuple))
    entries = list(simulation.values()) if isinstance(simulation, dict) else list(simulation) if several else [simulation]
    names = list(simulation) if isinstance(simulation, dict) else None
    if entries and all(match_py4dstem.is_crystal(entry) for entry in entries):
        names = names or ([f"crystal {i}" for i in range(len(entries))] if several else ["crystal"])
        return "py4dstem", dict(zip(told_apart(names), entries))
    if entries and all(match_pyxem.is_simulation(entry) for entry in entries):
        single = []
        for given, entry in zip(names or [None] * len(entries), entries):
            parts = match_pyxem.split_phases(entry)
            for name, one in parts.items():
                own = one.phases.name and name
                single.append((own if given is None else str(given) if len(parts) == 1 else f"{given} {name}", one))
        return "pyxem", dict(zip(told_apart([name for name, _ in single]), [one for _, one in single]))
    kinds = ", ".join(sorted({type(entry).__name__ for entry in entries})) or "nothing"
    raise TypeError(
        "simulation must be a diffsims Simulation2D or a py4DSTEM Crystal, or a list or dict of one kind of them, "
        f"got {kinds}"
    )


def _reach(geometry) -> float:
    """Distance from the centre to the nearest edge of the detector, in 1/Å."""
    size = to_inverse_angstrom(geometry)
    edges = [min(c, n - 1 - c) * s for c, n, s in zip(geometry.centre, geometry.detector_shape, size)]
    if not min(edges) > 0:
        raise ValueError(
            f"the centre {geometry.centre} must lie on the detector of {geometry.detector_shape} for orientations"
        )
    return float(min(edges))


def _beam(options):
    return _DIRECT_BEAM if options["q_min"] is None else options["q_min"]


def _by_pattern(result, chosen, patterns, used, n_positions, options, q_max=None):
    """What ranks the candidates of the pattern of each chosen component, and what says how likely they are: the pattern."""
    geometry = result.geometry
    radius = radius_of(patterns, geometry, disk_radius=options["disk_radius"], probe=options.get("probe"))
    how = {"radius": radius, "q_min": _beam(options)}
    whole = [
        PatternModel(one, geometry, gain=gain, others=others, q_max=q_max, **how)
        for one, gain, others in zip(patterns, least_gains(result, n_positions)[chosen], of_others(result, used)[chosen])
    ]
    # Farther out than any spot is seen nobody knows whether the detector, or an aperture, would show one.
    seen = max(one.farthest_seen for one in whole) or farthest(geometry)
    smoothed = [SmoothedPattern(one, geometry, q_max=seen, **how) for one in patterns]
    return [partial(PatternLikeness, pattern=one) for one in smoothed], [one.up_to(seen) for one in whole], seen


def _within(disks, q_max):
    return [one[np.hypot(one[:, 0], one[:, 1]) <= q_max] for one in disks]


def _by_disks(disks, q_max):
    """What ranks the candidates of each pattern: its disks."""
    return [partial(DiskLikeness, vectors=one, q_max=q_max) for one in disks]


def _by_pyxem(result, chosen, phases, source, enough, options, seconds):
    geometry = result.geometry
    q_max = options["q_max"] or min(_reach(geometry), *(float(one.reciporical_radius) for one in phases.values()))
    if (options["q_min"] or 0.0) >= q_max:
        raise ValueError(f"q_min must be below q_max, got {options['q_min']} and {q_max:.4g}")
    start = time.perf_counter()
    patterns, used, counts = representative_patterns(result, source, enough=enough)
    patterns = patterns[chosen]
    how = {"gamma": options["gamma"], "background": options["background"]}
    polar = match_pyxem.polar_patterns(patterns, geometry, q_max=q_max, q_min=options["q_min"] or 0.0, **how)
    compare, models, longest = None, None, 0.0
    if options["rank"] == "pattern":
        # Not only what the templates reach: what is far out tells the tilt best.
        compare, models, longest = _by_pattern(result, chosen, patterns, used, counts, options, options["q_max"])
    elif options["rank"] == "disks":
        disks = component_disks(
            patterns, geometry, detector="pyxem", disk_radius=options["disk_radius"], detection=options["detection"],
            q_min=_beam(options),
        )  # fmt: skip
        compare = _by_disks(_within(disks, q_max), q_max)
    seconds["patterns"] = time.perf_counter() - start
    part_done(0.3)
    native = {name: one.phases for name, one in phases.items()}
    symmetry = {name: symmetry_of_phase(phase) for name, phase in native.items()}
    start = time.perf_counter()
    each = [
        match_pyxem.proposals(name, one, polar, symmetry[name], geometry.calibration, q_max=longest)
        for name, one in phases.items()
    ]
    part_done(0.5)
    told, options["shape"] = ranked(
        [list(row) for row in zip(*each)], compare, refine=options["refine"], models=models, **_fitted(options)
    )
    _distortion_of(options)
    seconds["matching"] = time.perf_counter() - start
    return list(zip(used, counts.tolist(), _of_all(result, chosen, told))), symmetry, native


def _by_py4dstem(result, chosen, phases, source, enough, vectors, options, seconds):
    start, geometry = time.perf_counter(), result.geometry
    if vectors is None:
        patterns, used, counts = representative_patterns(result, source, enough=enough)
        patterns = patterns[chosen]
        disks = component_disks(
            patterns, geometry, disk_radius=options["disk_radius"], probe=options["probe"], detection=options["detection"],
            q_min=_beam(options),
        )  # fmt: skip
    else:
        from .vectors import gathered

        disks, counts = gathered(result, vectors, q_min=_beam(options))
        disks = [disks[i] for i in chosen]
        used = ("vectors",) * result.k
    if options["q_max"] is not None:
        disks = _within(disks, options["q_max"])
    seconds["patterns"] = time.perf_counter() - start
    start = time.perf_counter()
    reach = max((float(np.hypot(one[:, 0], one[:, 1]).max()) for one in disks if len(one)), default=1.0)
    ready = {
        name: match_py4dstem.prepared(
            one, q_max=math.ceil(100 * reach) / 100, beam_energy=geometry.calibration.beam_energy, plan=options["plan"]
        )
        for name, one in phases.items()
    }
    symmetry = {name: symmetry_of_crystal(one) for name, one in ready.items()}
    seconds["plan"] = time.perf_counter() - start
    part_done(0.3)
    start = time.perf_counter()
    by_host = options["rank"] == "host"
    compare, models, longest = _by_disks(disks, reach), None, 0.0
    if options["rank"] == "pattern":
        compare, models, longest = _by_pattern(result, chosen, patterns, used, counts, options, options["q_max"])
    how = {"n": options["candidates"], "min_peaks": options["min_peaks"]}
    # Of a crystal that came without structure factors, as far as there is something: that tells the tilt best.
    known = {
        name: match_py4dstem.reflections_of(one, 0.0 if hasattr(phases[name], "struct_factors_int") else longest)
        for name, one in ready.items()
    }
    proposed = [
        [match_py4dstem.proposals(name, crystal, one, symmetry[name], known[name], **how) for name, crystal in ready.items()]
        for one in disks
    ]
    part_done(0.5)
    told, options["shape"] = ranked(
        proposed, compare, refine=options["refine"], by_host=by_host, models=models, **_fitted(options)
    )
    _distortion_of(options)
    seconds["matching"] = time.perf_counter() - start
    return list(zip(used, np.asarray(counts).tolist(), _of_all(result, chosen, told))), symmetry, ready


def _fitted(options):
    """What is fitted to patterns, and a list that keeps the fits."""
    options["fits"] = []
    fit = (*FITTED, *DISTORTION) if options["distortion"] else FITTED
    return {"model_error": options["model_error"], "fit": fit, "keep": options["fits"].append}


def _distortion_of(options):
    """The medians of what was fitted, into the options, which become settings."""
    seen = [one.seen for one in options.pop("fits")]
    if options["distortion"] and seen:
        scale, (strain, shear) = np.median([one.scale for one in seen]), np.median([one.strain for one in seen], axis=0)
        options["distortion_found"] = {"scale": float(scale), "strain": float(strain), "shear": float(shear)}


def _of_all(result, chosen, told):
    """For every component what was found; nothing for those that were not looked at."""
    out: list[list] = [[] for _ in range(result.k)]
    for i, one in zip(chosen, told):
        out[i] = one
    return out


def orientations(result: Any, simulation: Any, **options: Any) -> Any:
    """Index the components and apply their orientations to the scan, as a native object of the host.

    Same as ``result.index(simulation, **options).to_host()``. See `index` for the arguments; it also returns a record of
    the matches.

    Parameters
    ----------
    simulation : diffsims Simulation2D or py4DSTEM Crystal, or a list or dict of them; or a finished map
        Determines the host, see `index`.
    **options
        Arguments of `index`.

    Returns
    -------
    orix CrystalMap, or py4DSTEM OrientationMap
        For several py4DSTEM crystals, {name: OrientationMap}.

    Examples
    --------
    With templates of pyxem, every 20 degrees (a real search has one every 1 or 2):

    >>> from diffpy.structure import Atom, Lattice, Structure  # doctest: +SKIP
    >>> from diffsims.generators.simulation_generator import SimulationGenerator  # doctest: +SKIP
    >>> from orix.crystal_map import Phase  # doctest: +SKIP
    >>> from orix.sampling import get_sample_reduced_fundamental  # doctest: +SKIP
    >>> from unmix4d import Unmix, phantoms
    >>> cell = Structure([Atom("Po", [0, 0, 0])], Lattice(3.36, 3.36, 3.36, 90, 90, 90))  # doctest: +SKIP
    >>> phase = Phase("polonium", space_group=221, structure=cell)  # doctest: +SKIP
    >>> rotations = get_sample_reduced_fundamental(20, point_group=phase.point_group)  # doctest: +SKIP
    >>> templates = SimulationGenerator(300).calculate_diffraction2d  # doctest: +SKIP
    >>> simulation = templates(phase, rotations, reciprocal_radius=0.8)  # doctest: +SKIP
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 8), detector_shape=(48, 48), background=0, seed=0)
    >>> film.to_pyxem().unmix.nmf(2, random_state=0).orientations(simulation).shape  # doctest: +SKIP
    (10, 8)
    """
    return index(result, simulation, **options).to_host()
