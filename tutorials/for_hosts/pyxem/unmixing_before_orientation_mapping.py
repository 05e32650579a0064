"""
======================================
Orientations of components, with pyxem
======================================

Template matching compares every pattern with hundreds of simulated ones, and takes each
pattern for that of one crystal. Where grains overlap that is wrong. Matching the
component patterns instead is a few patterns rather than thousands, and each is of one
crystal. The matcher is pyxem's own, and so is the answer: an orix ``CrystalMap``.

The scan is pyxem's simulated silicon, whose orientations are known. Grains are made to
overlap at their borders, and electrons are counted:
"""

import numpy as np
import pyxem.data
import unmix4d
from scipy.ndimage import gaussian_filter

clean, truth = pyxem.data.si_grains_simple(seed=2, size=20, return_rotations=True)
mixed = gaussian_filter(clean.data / clean.data.sum((2, 3), keepdims=True), (1.2, 1.2, 0, 0))
s = type(clean)(np.random.default_rng(0).poisson(2e4 * mixed + 0.02).astype(np.uint16))
# Columns, then rows: pyxem turns the patterns over.
for axis, middle in zip(s.axes_manager.signal_axes, (64, 63)):
    axis.scale, axis.units, axis.offset = 0.01, "1/Å", -0.01 * middle
for axis in s.axes_manager.navigation_axes:
    axis.scale, axis.units = 2, "nm"
s.unmix

# %%
# Your own scan: replace the cell by ``s = hs.load("scan.zspy", lazy=True)``, and the phase
# below by yours (``unmix4d.orientation.crystal_from_cif("x.cif", host="pyxem")``). Public
# scans to go on with: ``pyxem.data.sped_ag(allow_download=True)``,
# ``pyxem.data.twinned_nanowire(allow_download=True)``, and the nanowire of Martineau 2019,
# doi 10.17863/CAM.26432.
#
# Unmix
# -----

view = s.unmix.prepare(direct_beam="0.1 1/Å")
result = view.nmf(4, random_state=0)
result.plot()

# %%
# Match four patterns
# -------------------
#
# The library is made with diffsims as for any template matching. 1.5 degrees between
# templates are enough here, because the orientation whose simulated pattern is most like
# the measured one is refined after that; ``rank="host"`` keeps what pyxem scores best.

from diffsims.generators.simulation_generator import SimulationGenerator
from orix.sampling import get_sample_reduced_fundamental

silicon = pyxem.data.si_phase()
grid = get_sample_reduced_fundamental(resolution=1.5, point_group=silicon.point_group)
library = SimulationGenerator(accelerating_voltage=200).calculate_diffraction2d(
    phase=silicon, rotation=grid, reciprocal_radius=0.7, max_excitation_error=0.05,
    with_direct_beam=False,
)
orientations = result.index(library)
orientations

# %%
# What is matched is the mean of what was *measured* where a component is alone;
# ``source="component"`` matches the component patterns themselves. The orientation of each
# component is painted where its map says that it is:

orientations.plot()

# %%

crystal_map = orientations.to_host()            # result.orientations(library) does both in one call
crystal_map

# %%
# Each position has two rotations, the strongest component's and, where grains overlap,
# the runner-up's, with their weights:

overlap = orientations.second >= 0
print(f"{overlap.mean():.0%} of the positions have a second orientation")
print({name: np.round(values[10, 10], 3) for name, values in orientations.properties().items()})

# %%
# How good
# --------
#
# Some orientations are called ambiguous. Seen along a zone axis the spots of one Laue
# zone look the same after half a turn about the beam, and kinematical diffraction hardly
# tells the two apart: the rival is nearly as good.

for match in orientations.matches:
    ambiguous = "ambiguous" if match.orientation_ambiguous else "clear"
    rival = "no rival"
    if match.rival is not None:
        rival = f"rival {match.rival.away_deg:.0f} degrees off, fit {match.rival.fit:.2f}"
    print(f"component {match.component}: fit {match.fit:.2f}, {rival}, {ambiguous}")

# %%
# So the comparison with the truth allows for that half turn. The spots of this simulation
# are 10 pixels wide, and as strong off the Bragg condition as near it: more than a degree
# or two cannot be had from them.

from types import SimpleNamespace

from orix.quaternion import Orientation, Rotation

half_turn = Rotation.from_axes_angles([0, 0, 1], np.pi)


def degrees_apart(true, found):
    turns = Rotation.identity(), half_turn
    pairs = [Orientation(found * turn, symmetry=silicon.point_group) for turn in turns]
    return [float(np.degrees(pair.angle_with(true)).min()) for pair in pairs]


first = crystal_map.rotations[:, 0]
errors = []
for true in truth:
    here = [first[orientations.first.ravel() == k][0] for k in range(result.k)]
    near = [min(degrees_apart(true, rotation)) for rotation in here]
    errors.append(min(near))
    print(f"nearest component {np.argmin(near)}, {min(near):.2f} degrees from the truth")

score, expected = SimpleNamespace(found=int(np.sum(np.array(errors) < 3))), 4
print(score.found, "of 4 grains within 3 degrees")

# %%
# Beside a full run
# -----------------
#
# An orientation map of every position that you already have can be summarised per
# component, and compared: ``unmix4d.merge_orientations(result, existing)`` and
# ``unmix4d.compare_orientations(orientations, full)`` take a ``CrystalMap``. The page on
# orientations has what was measured, on single positions and on overlaps.
