"""Make overlap_unmixed.png, the picture of the first page: `python docs/figures/overlap_unmixed.py`."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from unmix4d import Unmix, phantoms, plots

film = phantoms.polycrystal(
    n_grains=6, scan_shape=(44, 52), detector_shape=(96, 96), overlap=0.6, direct_beam=0.5, background=0.1, dose=2e4,
    seed=5, step=1.5,
)  # fmt: skip
u = Unmix(film.data, centre=film.centre, pixel_size=film.pixel_size, pixel_unit="1/Å", step=film.step, step_unit="nm")
u = u.prepare(direct_beam=5)
r = u.nmf(7, random_state=0)

# The two grains that overlap most, and the position where they are most nearly equal.
overlap = r.overlap()
pair = {int(overlap.pairs["component"][0]), int(overlap.pairs["partner"][0])}
first, second = sorted(pair)
both = np.isin(overlap.first, list(pair)) & np.isin(overlap.second, list(pair))
position = np.unravel_index(np.nanargmax(np.where(both, overlap.ratio, np.nan)), both.shape)
raw = np.where(np.isnan(r.patterns[0]), np.nan, film.data[position].astype(float))
# A virtual aperture on the strongest spot of one of them: the spot of the other is next to it.
spot = np.unravel_index(np.nanargmax(r.patterns[first]), raw.shape)
dark_field = u.virtual_image(spot, 4)

figure, axes = plt.subplots(2, 3, figsize=(9, 5.9), layout="constrained")
reciprocal, real = {"pixel_size": film.pixel_size, "unit": "1/Å"}, {"step": film.step, "unit": "nm"}
plots.pattern(raw, ax=axes[0, 0], title="measured at the cross: two grains", **reciprocal)
plots.pattern(r.patterns[first], ax=axes[0, 1], title="component pattern 1", **reciprocal)
plots.pattern(r.patterns[second], ax=axes[0, 2], title="component pattern 2", **reciprocal)
plots.scan_map(dark_field, ax=axes[1, 0], title="virtual dark field (circle)", **real)
plots.scan_map(r.maps[first], ax=axes[1, 1], title="map of component 1", **real)
plots.scan_map(r.maps[second], ax=axes[1, 2], title="map of component 2", **real)
axes[0, 0].add_patch(plt.Circle(spot[::-1], 4, fill=False, color="cyan", linewidth=1.5))
for ax in axes[1]:
    ax.plot(position[1], position[0], "+", markersize=14, markeredgewidth=2, color="red")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=90)
