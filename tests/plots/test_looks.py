"""What a user may choose of every image: colour map, norm, scale bar; and colours that are never shared."""

import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize

from unmix4d import Unmix, phantoms, plots
from unmix4d.plots import colours

# Of three grains and a film one component is mostly noise; what is drawn of it is all that counts here.
pytestmark = pytest.mark.filterwarnings("ignore:group_rotated cannot")


@pytest.fixture(scope="module")
def answers():
    film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 14), detector_shape=(48, 48), background=0.2, dose=3e3, seed=0)
    result = Unmix(film.data, centre=film.centre, pixel_size=0.02, pixel_unit="1/Å", step=2.0, step_unit="nm").nmf(
        4, random_state=0
    )
    return {
        "result": result, "groups": result.group_rotated(2), "grains": result.grains(min_size=4),
        "overlap": result.overlap(background=()), "quality": result.report_quality(),
        "likeness": result.pattern_similarity("gmsd"),
    }  # fmt: skip


DRAWN = {
    "pattern": lambda a, **k: plots.pattern(a["result"].patterns[0], **k).axes,
    "scan_map": lambda a, **k: plots.scan_map(a["result"].maps[0], **k).axes,
    "result": lambda a, **k: a["result"].plot(**k), "groups": lambda a, **k: a["groups"].plot(**k),
    "quality": lambda a, **k: a["quality"].plot(**k), "grains": lambda a, **k: a["grains"].plot(**k),
    "angles": lambda a, **k: a["groups"].plot_angles(**k), "composite": lambda a, **k: a["result"].composite(**k),
    "overlap": lambda a, **k: a["overlap"].plot(**k), "group likeness": lambda a, **k: a["groups"].plot_similarity(**k),
    "likeness": lambda a, **k: a["likeness"].plot(**k),
}  # fmt: skip


def bars(axes):
    return sum(type(artist).__name__ == "AnchoredSizeBar" for ax in np.ravel(axes) for artist in ax.artists)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", [n for n in DRAWN if "likeness" not in n])
def test_scale_bars_are_on_and_can_be_off(answers, name):
    assert bars(DRAWN[name](answers)) > 0
    assert bars(DRAWN[name](answers, scale_bar=False)) == 0


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", [n for n in DRAWN if n not in ("composite", "overlap")])
def test_colour_maps_are_taken(answers, name):
    axes = np.ravel(DRAWN[name](answers, cmap="magma"))
    assert axes[0].images[0].get_cmap().name == "magma"
    with pytest.raises(ValueError, match="cmap must be a colour map of matplotlib, got 'nope'"):
        DRAWN[name](answers, cmap="nope")


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", ["pattern", "scan_map", "result", "groups", "quality", "grains"])
def test_norms_are_taken(answers, name):
    axes = np.ravel(DRAWN[name](answers, norm=Normalize(0, 123)))
    assert axes[0].images[0].get_clim() == (0, 123)


def test_a_norm_without_limits_is_fitted_to_each_pattern(answers):
    result = answers["result"]
    axes = result.plot(norm=LogNorm(), map_cmap="gray", map_norm=Normalize())
    tops = [ax.images[0].get_clim()[1] for ax in axes[0]]
    assert np.allclose(tops, np.nanmax(result.patterns, axis=(1, 2)), rtol=1e-6) and len(set(tops)) == result.k
    assert {ax.images[0].get_cmap().name for ax in axes[1]} == {"gray"}
    assert np.allclose([ax.images[0].get_clim() for ax in axes[1]], [(m.min(), m.max()) for m in result.maps], atol=1e-6)


@pytest.mark.parametrize("palette", [colours.CLUSTERS, colours.GROUPS, colours.GRAINS])
@pytest.mark.parametrize("n", [1, 7, 8, 15, 40])
def test_no_two_share_a_colour(palette, n):
    hues = colours.told_apart(palette, n)
    assert len({tuple(np.round(255 * hue)) for hue in hues}) == n == len(hues)


def test_clusters_beyond_the_palette_have_colours_of_their_own():
    film = phantoms.polycrystal(n_grains=9, scan_shape=(24, 24), detector_shape=(32, 32), background=0, dose=1e4, seed=1)
    with pytest.warns(UserWarning):
        clusters = Unmix(film.data, centre=film.centre).fuzzy_cmeans(9, random_state=0, n_starts=2)
    ax = clusters.plot_scatter()
    centres = [line for line in ax.lines if line.get_label().startswith("cluster")]
    assert len({tuple(line.get_markerfacecolor()) for line in centres}) == 9


def test_regions_of_an_overlap_carry_their_numbers(answers):
    found = answers["overlap"]
    written = {text.get_text(): text.get_position() for text in found.plot().texts}
    assert set(written) == {str(i) for i in range(4) if (found.first == i).any()}
    for number, (col, row) in written.items():
        assert found.first[row, col] == int(number)
    assert not found.plot(numbers=False).texts
    pair = sorted(map(int, written))[:2]
    assert {text.get_text() for text in found.plot(components=pair).texts} == set(map(str, pair))
