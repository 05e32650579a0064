"""``.orientations``, ``.index`` and ``.group_braggvectors`` of `Decomposition`."""

from __future__ import annotations

__all__ = ["OrientationMethods"]


class OrientationMethods:
    """Indexing of component patterns with the hosts' own matchers."""

    def orientations(self, simulation, **options):
        """Orientations of the components, painted on the scan, as a native object of the host whose simulation is given.

        ``result.index(simulation, **options).to_host()``: see `index` for the arguments, and for a record of what was
        matched.

        Parameters
        ----------
        simulation : diffsims Simulation2D or py4DSTEM Crystal, or a list or dict of them
        **options
            Those of `index`.

        Returns
        -------
        orix CrystalMap, or py4DSTEM OrientationMap
            {name: OrientationMap} of several py4DSTEM crystals.

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
        return self.index(simulation, **options).to_host()

    def index(self, simulation, *, source=None, enough=10, vectors=None, phase_gap=0.05, orientation_gap=0.02, q_min=None,
              q_max=None, disk_radius=None, probe=None, detection=None, plan=None, min_peaks=3,
              rank="auto", candidates=None, refine=True, gamma=0.5, background=None):  # fmt: skip
        """Phase and orientation of every component, by the matcher of a host.

        k patterns are matched instead of one at every position. A diffsims simulation is matched by pyxem
        (``PolarDiffraction2D.get_orientation`` with all templates), a py4DSTEM Crystal by py4DSTEM
        (``match_single_pattern`` of the disks of each pattern).

        Parameters
        ----------
        simulation : diffsims Simulation2D or py4DSTEM Crystal, or a list or dict of them
            Several phases: a simulation of several, or a list or a dict (name to one of them). A crystal without
            structure factors or orientation plan gets them, in a copy, from `plan`, the beam energy of the scan (300 keV
            where it is unknown) and the symmetry of its diffraction.
        source : {"single", "mean", "component"} or None
            What is indexed: the mean measured pattern of the positions where the component alone is present, of those
            where it is the strongest, or the component's own pattern. None: the first where it has `enough` such
            positions, else the last. The first two need the scan (not after loading without ``data=``).
        enough : int
        vectors : Bragg vectors of a host, optional
            Measured disks instead of those of the patterns (py4DSTEM only): gathered per component, see
            `group_braggvectors`.
        phase_gap : float
            The phase of a component is ambiguous where the second phase fits worse by less than this share.
        orientation_gap : float
            Its orientation is ambiguous where another one, more than 5 degrees off, fits worse by less than this share.
        q_min, q_max : float, optional
            1/Å. Shorter vectors are the direct beam (default 0.1, but 0 for templates); longer ones are left out.
        disk_radius : float, optional
            Of the disks in pixels; by default from the brightest spot of each pattern.
        probe : py4DSTEM Probe or ndarray (det_row, det_col), optional
            A measured probe as the template of the disks (py4DSTEM).
        detection : dict, optional
            Arguments of ``find_Bragg_disks`` in place of ours (py4DSTEM).
        plan : dict, optional
            Arguments of ``orientation_plan`` in place of ours (py4DSTEM): ``zone_axis_range``, ``angle_step_zone_axis``, ...
        min_peaks : int
            Fewer disks are not matched (py4DSTEM).
        rank : {"auto", "pattern", "disks", "host"}
            Which of the orientations that the host proposes is taken: the one whose simulated pattern is most like the whole
            measured one (see `unmix4d.orientation.pattern_likeness`), the one whose simulated disks are most like the
            measured disks, or the one with the host's best score. ``"auto"``: the pattern, or the disks of `vectors`.
        candidates : int, optional
            How many orientations py4DSTEM is asked for (pyxem gives one for every template): 24 with ``rank="disks"``, else
            1 or 4. With ``rank="pattern"`` every template of the host is looked at here, at all in-plane angles.
        refine : bool
            Whether the best of them are refined to 0.25 degrees; else they stay on the host's grid. Not with
            ``rank="host"``.
        gamma : float
            Power of the intensities (pyxem).
        background : {None, "radial median", "radial percentile"}
            What is taken away from the polar patterns (pyxem): the median of each ring, or its 75th percentile.

        Returns
        -------
        Orientations

        Raises
        ------
        TypeError
            When `simulation` is none of these.
        ValueError
            When an argument is out of range, the detector is not calibrated in a reciprocal length, the components have both
            signs (svd, pca, ica), or the scan is needed and not there.

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
        from ..orientation.index import index

        return index(
            self, simulation, source=source, enough=enough, vectors=vectors, phase_gap=phase_gap,
            orientation_gap=orientation_gap, q_min=q_min, q_max=q_max, disk_radius=disk_radius, probe=probe,
            detection=detection, plan=plan, min_peaks=min_peaks, rank=rank, candidates=candidates, refine=refine,
            gamma=gamma, background=background,
        )  # fmt: skip

    def group_braggvectors(self, braggvectors, *, single=None, min_share=0.2, q_min=0.0):
        """Measured Bragg vectors gathered per component, for the matcher of a host (proposed by Bruefach 2022).

        Parameters
        ----------
        braggvectors : py4DSTEM BraggVectors or PointListArray, pyxem DiffractionVectors
            Of the same scan.
        single : bool or None
            Only those of positions where one component alone is present. None: where there are at least 10 such
            positions, else all positions, weighted by the map of the component.
        min_share : float
            0 to 1. A disk is kept when it is found in this share of the (weighted) positions of its component.
        q_min : float
            Shorter vectors are left out, 1/Å.

        Returns
        -------
        tuple of py4DSTEM PointList (k,)
            ``qx`` (along the rows), ``qy`` (columns) in 1/Å in the frame of the scan where its rotation is known, and
            ``intensity``: its mean over the positions of the component, weighted by the map.

        Raises
        ------
        TypeError, ValueError
            When these are no Bragg vectors, of another scan, or not calibrated; or the components have both signs.
        ImportError
            When py4DSTEM is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from emdfile import PointList, PointListArray  # doctest: +SKIP
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 8), detector_shape=(48, 48), background=0, seed=0)
        >>> result = film.to_py4dstem().unmix.nmf(2, random_state=0)  # doctest: +SKIP
        >>> kinds = [("qx", float), ("qy", float), ("intensity", float)]
        >>> vectors = PointListArray(kinds, (10, 8), name="braggvectors")  # doctest: +SKIP
        >>> for row, col in np.ndindex(10, 8):  # the same disk at every position, in pixels  # doctest: +SKIP
        ...     vectors[row, col] += PointList(np.array([(film.centre[0] + 10, film.centre[1], 500.0)], kinds))
        >>> found = result.group_braggvectors(vectors)  # doctest: +SKIP
        >>> len(found), found[0].data["qx"].round(3).tolist()  # doctest: +SKIP
        (2, [0.427])
        """
        from ..orientation.vectors import group_braggvectors

        return group_braggvectors(self, braggvectors, single=single, min_share=min_share, q_min=q_min)
