"""Grains, groups, overlap, choices of k, orientations and the rest: to a file and back; hostile files are refused."""

import dataclasses
import json
import warnings
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

import unmix4d
from support import orientation_scene as scene
from unmix4d import Orientations, Unmix
from unmix4d.core.errors import UnreadableFile
from unmix4d.core.geometry import ScanGeometry
from unmix4d.orientation import Candidate, Match, Painting, Rival, laue_rotations
from unmix4d.storage.safety import array_checksum, text_checksum

pytestmark = pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")


@pytest.fixture(scope="module")
def view(small_film):
    mask = np.zeros((10, 8), bool)
    mask[9, 7] = True
    return Unmix(small_film.data, centre=small_film.centre, step=2.0, step_unit="nm").prepare(scan_mask=mask)


@pytest.fixture(scope="module")
def answers(view):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = view.nmf(3, random_state=0)
        return {
            "grains": result.grains(min_size="20 nm^2"), "overlap": result.overlap(thresholds=(0.1, 0.5)),
            "groups": result.group_rotated(), "groups of positions": view.group_rotated(),
            "choice": view.choose_k([2, 3], n_starts=1, random_state=0),
            "cao2025": view.choose_k([2, 3], n_starts=1, rule="cao2025", random_state=0),
            "validity": view.fuzzy_validity([2, 3], random_state=0), "scree": view.scree(6),
            "quality": result.report_quality(scale="sqrt"), "similarity": result.pattern_similarity("psnr"),
            "orientations": oriented(), "grains of clusters": view.fuzzy_cmeans(2, random_state=0).grains(min_size=1),
            "overlap of merged": view.merge_nmf(4, n_runs=2, random_state=0).overlap(thresholds=0.2),
        }  # fmt: skip


ANSWERS = ("grains", "overlap", "groups", "groups of positions", "choice", "cao2025", "validity", "scree", "quality",
           "similarity", "orientations", "grains of clusters", "overlap of merged")  # fmt: skip
WITH_RESULTS = ("grains", "overlap", "groups", "choice", "cao2025", "validity", "grains of clusters", "overlap of merged")


def oriented(host="pyxem", phases=None):
    """Two components of silver and one that matched nothing, painted by hand."""
    matrices = scene.TRUTH
    said = {"matrix": matrices[0].T, "family": np.eye(3), "corr": 4.0, "inds": [3, 1], "mirror": True, "angles": [1.0, 2, 3]}
    native = SimpleNamespace(**{name: np.array(value)[None] for name, value in said.items()})
    first, none = np.array([[0, 0, 1], [0, 1, -1]]), np.full((2, 3), -1)
    told = native if host == "py4dstem" else None
    rivals = [Rival(matrices[1 - i], 0.4, 9.0, 0.5, told) for i in (0, 1)]
    found = [Candidate("silver", matrices[i], 10.0, 0.9, rivals[i], told) for i in (0, 1)]
    matches = [
        Match(i, "single", 12, "silver", matrices[i], 10.0, 0.9, rival=rivals[i], candidates=(found[i],)) for i in (0, 1)
    ]
    present = np.stack([first == i for i in range(3)])
    painting = Painting(first, none, np.where(first < 0, np.nan, 0.7), np.zeros((2, 3)), first.copy(), present)
    cubic = {"silver": laue_rotations(np.eye(3))}
    return Orientations(
        host, (*matches, Match(2, "component", 0)), painting, ScanGeometry((2, 3), (8, 8)), cubic,
        phases or {"silver": None}, {"total": 0.5}, {"source": None, "shape": np.float64(1.5), "plan": {"step": 2}},
    )  # fmt: skip


LEFT_OUT = {"source", "_view", "_problem", "runs", "native", "phases"}


def assert_same(one, other, where=""):
    """What an answer is made of, value by value, types of arrays included."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), where
        assert one.flags.writeable or not other.flags.writeable, where
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            if field.name not in LEFT_OUT and field.name not in ("settings", "convergence", "changes", "matrix"):
                assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif hasattr(one, "items"):
        assert list(one) == list(other), where
        for key in one:
            if not where.endswith(".record"):
                assert_same(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other)):
            assert_same(*pair, f"{where}[{i}]")
    else:
        assert one == other or (one != one and other != other), where


@pytest.mark.parametrize("name", ANSWERS)
def test_everything_comes_back(answers, tmp_path, name):
    answer, path = answers[name], tmp_path / "answer.h5"
    answer.save(path)
    again = unmix4d.load(path)
    assert_same(answer, again)
    assert repr(again) == repr(answer)
    if hasattr(answer, "settings"):
        assert again.settings == json.loads(json.dumps(answer.settings))
    if hasattr(answer, "table"):
        assert_same(answer.table, again.table)
    again.save(path)  # and once more, without the scan
    assert_same(answer, unmix4d.load(path))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", ["grains", "overlap", "groups", "choice", "validity", "scree", "quality", "similarity"])
def test_figures_after_loading(answers, tmp_path, name):
    answers[name].save(tmp_path / "answer.h5")
    assert np.ravel(unmix4d.load(tmp_path / "answer.h5").plot())[0].figure is not None


def results_in(answer):
    for name in ("result", "members"):
        if getattr(answer, name, None) is not None:
            return [getattr(answer, name)]
    return list(getattr(answer, "results", getattr(answer, "models", {})).values())


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", WITH_RESULTS)
def test_the_scan_is_linked_again(answers, view, tmp_path, name):
    path = tmp_path / "answer.h5"
    answers[name].save(path)
    for result in results_in(unmix4d.load(path)):
        with pytest.raises(ValueError, match=r"mean_patterns needs the scan.*unmix4d.load\(path, data=scan\)"):
            result.mean_patterns()
    linked = unmix4d.load(path, data=view)
    assert_same(answers[name], linked)
    for result, before in zip(results_in(linked), results_in(answers[name]), strict=True):
        np.testing.assert_array_equal(result.mean_patterns(), before.mean_patterns())
    with pytest.raises(ValueError, match="its mean pattern or masks differ"):
        unmix4d.load(path, data=Unmix(2 * np.asarray(view.scan.patterns)))


def test_grains_read_the_scan_after_linking(answers, view, tmp_path):
    answers["grains"].save(tmp_path / "grains.h5")
    with pytest.raises(ValueError, match="dissimilarity needs the scan"):
        unmix4d.load(tmp_path / "grains.h5").dissimilarity()
    linked = unmix4d.load(tmp_path / "grains.h5", data=view)
    np.testing.assert_array_equal(linked.mean_patterns(single=True), answers["grains"].mean_patterns(single=True))


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - set(WITH_RESULTS)))
def test_what_needs_no_scan_takes_none(answers, view, tmp_path, name):
    answers[name].save(tmp_path / "answer.h5")
    with pytest.raises(ValueError, match=r"data cannot be linked to \w+, which holds nothing that reads the scan"):
        unmix4d.load(tmp_path / "answer.h5", data=view)


def test_no_grains_and_one_component(view, tmp_path):
    none = view.nmf(3, random_state=0).grains(min_size=80)
    none.save(tmp_path / "none.h5")
    assert len(unmix4d.load(tmp_path / "none.h5")) == 0
    one = view.nmf(1, random_state=0).group_rotated()
    one.save(tmp_path / "one.h5")
    assert_same(one, unmix4d.load(tmp_path / "one.h5"))


def test_nothing_is_pickled(answers, tmp_path):
    for name in ANSWERS:
        answers[name].save(tmp_path / "answer.h5")
        with h5py.File(tmp_path / "answer.h5") as file:
            kinds = {key: item.dtype.kind for key, item in file.items()}
        assert kinds.pop("settings.json") == "O" and set(kinds.values()) <= {"f", "b", "i"}, name


# ---------------------------------------------------------------------------------------------------- orientations of hosts


def test_orientations_of_pyxem_go_home_from_a_file(pyxem, tmp_path):
    phases = {"silver": scene.silver_phase()}
    found = oriented(phases=phases)
    found.save(tmp_path / "found.h5")
    again = unmix4d.load(tmp_path / "found.h5")
    ours, theirs = again.to_host(), found.to_host()
    np.testing.assert_array_equal(ours.rotations.data, theirs.rotations.data)
    assert ours.phases[0].space_group.number == 225 and ours.phases[0].point_group.name == "m-3m"
    assert ours.phases[0].structure.lattice.abcABG() == pytest.approx((scene.A,) * 3 + (90,) * 3)
    np.testing.assert_allclose([atom.xyz for atom in ours.phases[0].structure], scene.ATOMS, atol=1e-12)
    assert [atom.element for atom in ours.phases[0].structure] == ["Ag"] * 4
    colours = [one.direction_colours([[1, 2, 3.0]], "silver") for one in (again, found)]
    np.testing.assert_allclose(*colours)
    assert again.plot().get_title() == found.plot().get_title()


def test_orientations_of_py4dstem_go_home_from_a_file(py4dstem, tmp_path):
    from py4DSTEM.process.diffraction import Crystal

    crystal = Crystal(np.array(scene.ATOMS, float), 47, np.array([scene.A]))
    found = oriented("py4dstem", {"silver": crystal})
    found.save(tmp_path / "found.h5")
    again = unmix4d.load(tmp_path / "found.h5")
    for name in ("matrix", "family", "corr", "inds", "mirror", "angles"):
        np.testing.assert_array_equal(getattr(again.to_host(), name), getattr(found.to_host(), name), err_msg=name)
    ours = again.phases["silver"]
    np.testing.assert_array_equal(ours.cell, crystal.cell)
    np.testing.assert_array_equal(ours.positions, crystal.positions)
    colours = [one.direction_colours([[1, 2, 3.0]], "silver") for one in (again, found)]
    np.testing.assert_allclose(*colours)


# ------------------------------------------------------------------------------------------------------- hostile files


def forged(answer, path, edit):
    """A saved answer whose head and arrays were changed, behind checksums that are right."""
    answer.save(path)
    with h5py.File(path, "r+") as file:
        head = json.loads(file["settings.json"].asstr()[()])
        arrays = {name: item[()] for name, item in file.items() if name != "settings.json"}
        edit(head, arrays)
        for name in list(file):
            del file[name]
        for name, array in arrays.items():
            file[name] = array
        head["checksums"] = {name: array_checksum(file[name][()]) for name in arrays}
        text = json.dumps(head)
        file.create_dataset("settings.json", data=text, dtype=h5py.string_dtype())
        file.attrs["settings_checksum"] = text_checksum(text)
    return path


def field(*path, to):
    def edit(head, arrays):
        part = head["fields"]
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = to

    return edit


def array(name, change):
    def edit(head, arrays):
        arrays[name] = change(arrays[name])

    return edit


def _set(place, value):
    def change(values):
        values = values.copy()
        values[place] = value
        return values

    return change


HOSTILE = {
    "overlap": {
        "another kind": lambda h, a: h.update(kind="Evil"),
        "a kind that is a list": lambda h, a: h.update(kind=["Overlap"]),
        "of another kind of answer": lambda h, a: h.update(kind="Grains"),
        "a result of another kind": lambda h, a: h["fields"]["result"].update(kind="Overlap"),
        "a result that is a text": field("result", to="x"),
        "no result": field("result", to=None),
        "a field more": lambda h, a: h["fields"].update(evil=1),
        "a field less": lambda h, a: h["fields"].pop("background"),
        "fields that are a list": lambda h, a: h.update(fields=[]),
        "sizes of fractions": lambda h, a: h["sizes"].update(k=[2.5]),
        "huge sizes": lambda h, a: h["sizes"].update(scan=[10**9, 10**9]),
        "no thresholds": field("thresholds", to=[]),
        "thresholds that fall": field("thresholds", to=[0.5, 0.1]),
        "thresholds of text": field("thresholds", to=["0.5"]),
        "a background that is not there": field("background", to=[7]),
        "settings of numbers": field("settings", to=3),
        "a component that is not there": array("first", _set((0, 0), 3)),
        "a component of minus two": array("second", _set((0, 0), -2)),
        "components of fractions": array("first", lambda v: v.astype(float)),
        "a ratio above one": array("ratio", _set((0, 0), 1.5)),
        "a ratio of another shape": array("ratio", lambda v: v.T.copy()),
        "fewer weights": array("weights", lambda v: v[:2].copy()),
        "no weights": lambda h, a: a.pop("weights"),
        "maps of the result of another shape": array("result.maps", lambda v: v[:, :-1].copy()),
        "a scan of the result of another shape": lambda h, a: h["fields"]["result"]["geometry"].update(scan_shape=[8, 10]),
    },
    "grains": {
        "a position beyond the scan": array("regions.positions", _set(-1, 80)),
        "a negative position": array("regions.positions", _set(0, -1)),
        "a position twice": array("regions.positions", lambda v: np.concatenate([v[:1], v[:-1]])),
        "an excluded position": array("regions.positions", _set(-1, 79)),
        "an empty grain": array("regions.ends", _set(1, 0)),
        "a beginning that is none": array("regions.ends", _set(0, 1)),
        "an end beyond the positions": array("regions.ends", _set(-1, 99)),
        "a component that is not there": array("components", _set(0, 3)),
        "another scan": field("regions", "scan_shape", to=[8, 10]),
        "a grain more than sizes say": lambda h, a: h["sizes"].update(n=[9]),
    },
    "groups": {
        "a group that is not there": array("labels", _set(0, 9)),
        "a member more": array("labels", lambda v: np.append(v, 0)),
        "a leaf that is not there": array("leaf_labels", _set(0, 9)),
        "a tree of nonsense": array("linkage", lambda v: v * 0 + 7),
        "a symmetry of 99": array("symmetry", _set(0, 99)),
        "a height that is a text": field("height", to="high"),
        "patterns of another detector": array("patterns", lambda v: v[:, :-1].copy()),
    },
    "choice": {
        "a number that was not tried": field("recommended", to=4),
        "a confidence of its own": field("confidence", to="great"),
        "reasons of numbers": field("reasons", to=[1]),
        "votes of text": field("votes", to={"stable": "3"}),
        "no loss": lambda h, a: h["fields"]["table"].remove(next(one for one in h["fields"]["table"] if one[0] == "loss")),
        "results of other numbers": lambda h, a: h["fields"]["results"][0].__setitem__(0, 7),
        "numbers that fall": array("ks", lambda v: v[::-1].copy()),
        "similarities of another size": array("similarities.0.0", lambda v: v[:1].copy()),
        "a key that is a list": lambda h, a: h["fields"]["table"][0].__setitem__(0, []),
    },
    "validity": {
        "numbers of other models": array("table.0", lambda v: v + 1),
        "an index less": lambda h, a: h["fields"]["table"].pop(1),
        "models that are no clusters": lambda h, a: h["fields"]["models"][0][1].update(kind="Decomposition"),
    },
    "scree": {"a number": array("explained", lambda v: v[0]), "of texts": array("explained", lambda v: v.astype("S"))},
    "quality": {
        "a scale of its own": field("scale", to="log"), "a label that is not there": array("labels", _set((0, 0), 5)),
        "raw of another detector": array("raw", lambda v: v[:, :-1].copy()),
    },
    "similarity": {"a metric of its own": field("metric", to="evil"), "a range of text": field("data_range", to="1")},
    "orientations": {
        "a host of its own": field("host", to="evil"),
        "no matches": field("matches", to=[]),
        "a match of text": field("matches", 0, to="x"),
        "a matrix of two rows": field("matches", 0, "matrix", to=[[1, 0, 0], [0, 1, 0]]),
        "a matrix that is no rotation": field("matches", 0, "matrix", to=[[2.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
        "a phase that is not there": field("matches", 0, "phase", to="gold"),
        "matches in another order": field("matches", 0, "component", to=1),
        "a phase of text": field("phases", 0, 1, to="silver"),
        "a phase of another host": field("phases", 0, 1, to={"host": "evil"}),
        "a component that is not there": array("painting.first", _set((0, 0), 3)),
        "presence of fewer": array("painting.present", lambda v: v[:2].copy()),
        "a symmetry of vectors": array("symmetry.0", lambda v: v[:, 0].copy()),
    },
}  # fmt: skip
CASES = [(name, what) for name, cases in HOSTILE.items() for what in cases]


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("name", "what"), CASES)
def test_hostile_files_are_refused_in_a_sentence(answers, tmp_path, name, what):
    path = forged(answers[name], tmp_path / "answer.h5", HOSTILE[name][what])
    with pytest.raises(UnreadableFile, match="the saved result is incomplete or damaged: ") as caught:
        unmix4d.load(path)
    assert len(str(caught.value)) < 600 and "\n\n" not in str(caught.value)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", HOSTILE)
def test_what_they_are_refused_for_is_not_the_forging(answers, tmp_path, name):
    assert_same(answers[name], unmix4d.load(forged(answers[name], tmp_path / "answer.h5", lambda head, arrays: None)))


PHASES = {
    "pyxem": {
        "a cell of NaN": ("base", [[float("nan"), 0, 0], [0, 1, 0], [0, 0, 1]]), "a flat cell": ("base", [[1, 0, 0]] * 3),
        "a group beyond 230": ("space_group", 231), "a group of text": ("space_group", "os"), "no colour": ("colour", None),
        "an element less": ("elements", ["Ag"]), "an atom in two dimensions": ("positions", [[0, 0]] * 4),
        "a point group of its own": ("point_group", "evil"),
    },
    "py4dstem": {
        "a cell of five": ("cell", [1.0] * 5), "a cell below zero": ("cell", [-1.0] * 6),
        "an element of text": ("numbers", ["Ag"] * 4), "corners of text": ("corners", ["x", "y"]),
        "occupancy of text": ("occupancy", ["x"] * 4),
    },
}  # fmt: skip


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("host", "what"), [(host, what) for host, cases in PHASES.items() for what in cases])
def test_hostile_phases(host, what, request, tmp_path):
    request.getfixturevalue(host)
    if host == "pyxem":
        phase = scene.silver_phase()
    else:
        from py4DSTEM.process.diffraction import Crystal

        phase = Crystal(np.array(scene.ATOMS, float), 47, np.array([scene.A]))
    key, value = PHASES[host][what]
    path = forged(oriented(host, {"silver": phase}), tmp_path / "a.h5", field("phases", 0, 1, key, to=value))
    with pytest.raises(UnreadableFile, match="the saved result is incomplete or damaged: "):
        unmix4d.load(path)
