"""
======================================
Orientations of components, with pyxem
======================================

Which orientation has each grain, if grains overlap? Template matching compares every
pattern with hundreds of simulated ones and assumes that each pattern is that of one
crystal, which is wrong where grains overlap. Match the component patterns instead: they
are a few patterns instead of thousands, and each is of one crystal. The matching is
that of pyxem, and you get an orix ``CrystalMap``.

The scan is simulated silicon from pyxem with known orientations. Here the grains are
made to overlap at their borders, and counting noise is added:
"""

import numpy as np
import pyxem.data
import unmix4d
from scipy.ndimage import gaussian_filter

clean, truth = pyxem.data.si_grains_simple(seed=2, size=20, return_rotations=True)
mixed = gaussian_filter(clean.data / clean.data.sum((2, 3), keepdims=True), (1.2, 1.2, 0, 0))
s = type(clean)(np.random.default_rng(0).poisson(2e4 * mixed + 0.02).astype(np.uint16))
# Columns, then rows: pyxem flips the patterns.
for axis, middle in zip(s.axes_manager.signal_axes, (64, 63)):
    axis.scale, axis.units, axis.offset = 0.01, "1/Å", -0.01 * middle
for axis in s.axes_manager.navigation_axes:
    axis.scale, axis.units = 2, "nm"
s.unmix

# %%
# For your own scan, replace the cell by ``s = hs.load("scan.zspy", lazy=True)``, and the
# phase below by yours (``unmix4d.orientation.crystal_from_cif("x.cif", host="pyxem")``).
# These measured scans are public: ``pyxem.data.sped_ag(allow_download=True)``,
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
# Make the library with diffsims as for any template matching. A step of 1.5 degrees is
# sufficient here, because the orientation whose simulated pattern is most similar to the
# measured one is refined afterwards. ``rank="host"`` keeps the best score of pyxem.

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
# By default, the mean *measured* pattern of the positions where a component is alone is
# matched; ``source="component"`` matches the component patterns themselves. The orientation
# of each component is drawn where its map is present:

orientations.plot()

# %%

crystal_map = orientations.to_host()            # result.orientations(library) does both in one call
crystal_map

# %%
# Each position has two rotations with weights, that of the strongest component and, where
# grains overlap, that of the second:

overlap = orientations.second >= 0
print(f"{overlap.mean():.0%} of the positions have a second orientation")
print({name: np.round(values[10, 10], 3) for name, values in orientations.properties().items()})

# %%
# Compare with the truth
# ----------------------
#
# Some orientations are ambiguous. Along a zone axis, the spots of one Laue zone are the
# same after a rotation by 180 degrees about the beam, and kinematical diffraction hardly
# distinguishes the two: the second candidate (``rival``) is nearly as good.

for match in orientations.matches:
    ambiguous = "ambiguous" if match.orientation_ambiguous else "clear"
    rival = "no rival"
    if match.rival is not None:
        rival = f"rival {match.rival.away_deg:.0f} degrees off, fit {match.rival.fit:.2f}"
    print(f"component {match.component}: fit {match.fit:.2f}, {rival}, {ambiguous}")

# %%
# The comparison with the truth therefore allows for this rotation. The spots of this
# simulation have a width of 10 pixels and do not become weaker away from the Bragg
# condition, so the accuracy is limited to a degree or two.

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
# A figure for a paper
# --------------------
#
# The orientation map with its key, and the component patterns:

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 1 + result.k, figsize=(11, 2.5), layout="constrained")
orientations.plot(ax=axes[0])
for i, ax in enumerate(axes[1:]):
    image = result.patterns[i]
    unmix4d.plots.pattern(image, pixel_size=0.01, unit="1/Å", ax=ax, title=f"grain {i}")
figure.savefig("orientations.pdf")

# %%
# Compare with matching every position
# ------------------------------------
#
# If you already have an orientation map of every position, you can summarise it per
# component and compare it: ``unmix4d.merge_orientations(result, existing)`` and
# ``unmix4d.compare_orientations(orientations, full)`` take a ``CrystalMap``. The page on
# orientations has the accuracy at single positions and overlaps.
