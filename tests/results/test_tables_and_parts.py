"""Every table with units, as a dict and for pandas; components, grains and groups by their number."""

import copy
import pickle
import sys
import warnings

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix
from unmix4d.core.rows import pick
from unmix4d.core.tables import Table

pytestmark = pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")


@pytest.fixture(scope="module")
def answers(small_film):
    view = Unmix(small_film.data, centre=small_film.centre, step=2.0, step_unit="nm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = view.nmf(3, random_state=0)
        return {
            "nmf": result, "svd": view.svd(2), "merged": view.merge_nmf(4, n_runs=2, random_state=0),
            "fuzzy": view.fuzzy_cmeans(2, random_state=0), "validity": view.fuzzy_validity([2, 3], random_state=0),
            "choice": view.choose_k([2, 3], n_starts=1, random_state=0), "scree": view.scree(6),
            "grains": result.grains(min_size=1), "overlap": result.overlap(thresholds=(0.1, 0.5)),
            "groups": result.group_rotated(), "groups of positions": view.group_rotated(),
            "quality": result.report_quality(), "similarity": result.pattern_similarity("psnr"),
        }  # fmt: skip


HEADINGS = {
    "nmf": ["component", "explained", "n_positions", "strength", "distinguishable"],
    "svd": ["component", "explained"],
    "merged": ["component", "explained", "n_positions", "stability", "agreement", "grain_probability"],
    "fuzzy": ["component", "explained", "n_positions", "pure_fraction"],
    "validity": ["n_clusters", "partition_coefficient", "partition_entropy", "xie_beni", "hypervolume", "least_pure"],
    "scree": ["component", "explained"],
    "groups": ["component", "group", "angle_deg", "angle_residual_deg", "mirrored"],
    "groups of positions": ["row", "col", "group", "angle_deg", "angle_residual_deg", "mirrored"],
    "similarity": ["component", "partner", "psnr (dB)"],
}


@pytest.mark.parametrize("name", HEADINGS)
def test_headings(answers, name):
    table = answers[name].table
    assert table.headings == HEADINGS[name] and len({len(column) for column in table.values()}) == 1
    assert not any(column.flags.writeable for column in table.values())


def test_units_of_lengths_and_areas(answers):
    grains, overlap = answers["grains"], answers["overlap"]
    assert {"area (nm²)", "equivalent_diameter (nm)", "orientation_deg", "touches_edge"} <= set(grains.table.headings)
    assert overlap.areas.headings == ["threshold", "n_positions", "area (nm²)", "share"]
    assert [name for name in overlap.pairs.headings if "nm" in name] == ["area (nm²)", "area_above (nm²)"]
    # Of positions: the area is theirs, 4 nm² each.
    assert np.allclose(grains.table["area"], 4 * grains.table["n_positions"])
    assert answers["quality"].table.units["psnr"] == "dB" and answers["choice"].table.headings[0] == "k"


def test_one_row_for_every_member_of_a_group(answers):
    groups, positions = answers["groups"], answers["groups of positions"]
    assert groups.table["group"].tolist() == groups.labels.tolist()
    table = positions.table
    assert len(table["row"]) == (positions.labels >= 0).sum()
    assert np.array_equal(positions.labels[table["row"], table["col"]], table["group"])
    assert np.array_equal(positions.angles_deg[table["row"], table["col"]], table["angle_deg"], equal_nan=True)


@pytest.mark.parametrize("name", [*HEADINGS, "grains", "choice", "quality"])
def test_data_frames(answers, name):
    pytest.importorskip("pandas", reason="pandas is not installed in this environment")
    answer = answers[name]
    frame = answer.to_dataframe()
    assert list(frame.columns) == answer.table.headings
    for heading, column in zip(frame.columns, answer.table.values()):
        assert np.array_equal(frame[heading].to_numpy(), column, equal_nan=column.dtype.kind == "f"), heading


def test_both_tables_of_an_overlap_are_data_frames(answers):
    pytest.importorskip("pandas", reason="pandas is not installed in this environment")
    assert list(answers["overlap"].to_dataframe("areas").columns) == answers["overlap"].areas.headings
    assert list(answers["overlap"].to_dataframe().columns) == answers["overlap"].pairs.headings


def test_without_pandas_a_sentence(answers, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_dataframe needs pandas, which cannot be imported .*: pip install pandas"):
        answers["grains"].to_dataframe()
    with pytest.raises(ValueError, match="which must be one of 'pairs', 'areas', got 'all'"):
        answers["overlap"].to_dataframe("all")


# ------------------------------------------------------------------------------------------------ parts by their number


def test_components_by_number(answers):
    result = answers["nmf"]
    assert len(result) == 3 and np.array_equal(result[1].pattern, result.patterns[1])
    assert np.array_equal(result[-1].map, result.maps[2]) and result[2].explained == result.explained[2]
    assert [part.component for part in result[[0, 2]]] == [0, 2] and [part.component for part in result[1:]] == [1, 2]
    assert [part.component for part in result[np.array([False, True, False])]] == [1] and result[[]] == []
    for (pattern, image), expected, weights in zip(result, result.patterns, result.maps):
        assert np.array_equal(pattern, expected) and np.array_equal(image, weights)
    told = repr(result[0])
    assert told.startswith("Component(component=0, explained=0.") and "pattern=<28 x 28 float32>" in told


def test_grains_groups_and_what_else_has_parts(answers):
    grains, groups, quality = answers["grains"], answers["groups"], answers["quality"]
    assert np.array_equal(grains[0].mask, grains.mask(0)) and grains[0].area == grains.table["area"][0]
    assert [grain.grain for grain in grains] == list(range(len(grains)))
    pattern, image = groups[0]
    assert np.array_equal(pattern, groups.patterns[0]) and np.array_equal(image, groups.maps[0])
    assert sorted(np.concatenate([group.members for group in groups]).tolist()) == [0, 1, 2]
    first = answers["groups of positions"][0]
    assert first.members.shape == (first.size, 2) and first.angles_deg.shape == (first.size,)
    assert quality[1].ssim == quality.table["ssim"][1] and len(list(quality)) == 3
    assert list(answers["validity"]) == [2, 3] == list(answers["choice"]) and answers["validity"][3].k == 3


@pytest.mark.parametrize("key", [1.5, "first", None, True, (0, 1), [0.5], [[0, 1]], {}, ..., np.ones(7, bool)])
def test_what_is_no_index(key):
    if key is ...:
        assert pick(key, 3, "grain", str) == ["0", "1", "2"]
        return
    with pytest.raises(TypeError, match="index of a grain must be its number, a slice, a list of numbers or a mask of 3"):
        pick(key, 3, "grain", str)


def test_a_number_that_there_is_not(answers):
    with pytest.raises(IndexError, match="there is no component 3: there are 3, numbered from 0"):
        answers["nmf"][3]
    with pytest.raises(IndexError, match="there is no cluster -3: there are 2"):
        answers["fuzzy"][-3]


def test_a_table_takes_what_columns_are():
    table = Table({"k": range(3), "name": ["a", "b", None]}, {"k": "px"})
    assert table.units == {"k": "px", "name": ""} and table.row(2) == {"k": 2, "name": None}
    for again in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):
        assert type(again) is Table and again.units == table.units and not again["k"].flags.writeable
    for write in (lambda: table.update(k=1), lambda: table.pop("k"), table.clear, lambda: table.__setitem__("k", 0)):
        with pytest.raises(TypeError, match="can be read, not written"):
            write()


INSIDE = {"saved_head", "read_head", "saved_arrays", "further_figures", "linked_matrix", "component_name", "share_name",
          "has_shares", "maps_are_memberships", "table_columns", "problem", "view", "decomposed", "caution"}  # fmt: skip


def test_what_completion_shows(answers):
    for name, answer in answers.items():
        assert not INSIDE & set(dir(answer)), name
    assert "of" not in dir(unmix4d.Unmix)
