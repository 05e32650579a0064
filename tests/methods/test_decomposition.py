"""The contract that every decomposition keeps, on every host, and what its result offers."""

import json
import re
import warnings

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.constraints import NoDarkSpots

# Of these small scans clusters have few pure positions, and say so.
pytestmark = pytest.mark.filterwarnings("ignore:less than half of the positions are pure")

METHODS = {
    "nmf": lambda u, **k: u.nmf(3, random_state=0, max_iter=25, **k),
    "svd": lambda u, **k: u.svd(3, **k),
    "pca": lambda u, **k: u.pca(3, **k),
    "ica": lambda u, **k: u.ica(3, random_state=0, **k),
    "vca": lambda u, **k: u.vca(3, random_state=0, **k),
    "fuzzy_cmeans": lambda u, **k: u.fuzzy_cmeans(3, random_state=0, **k),
}


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


@pytest.fixture(scope="module")
def reference(scan):
    """The answers for the plain array, in double precision."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        return {name: run(Unmix(scan.data), precision="double") for name, run in METHODS.items()}


@pytest.mark.one_in(5)
def test_every_host_gives_the_same_numbers(as_host, scan, method, reference):
    unmix = as_host(scan)
    truth = reference[next(name for name, run in METHODS.items() if run is method)]
    double = method(unmix, precision="double")
    assert np.allclose(double.maps, truth.maps, rtol=0, atol=1e-6 * np.abs(truth.maps).max())
    assert np.allclose(double.patterns, truth.patterns, rtol=0, atol=1e-6 * np.abs(truth.patterns).max())
    assert double.loss == pytest.approx(truth.loss, rel=1e-6)
    single = method(unmix)
    assert np.allclose(single.maps, truth.maps, rtol=0, atol=1e-3 * np.abs(truth.maps).max())
    assert single.loss == pytest.approx(truth.loss, rel=1e-5)
    native = {"lazy pyxem": "pyxem", "pyxem": "pyxem", "py4dstem": "py4dstem"}
    assert single.host.kind == native.get(as_host.kind, "array")


@pytest.mark.one_in(7)
def test_shapes_types_and_masks(as_host, scan, method):
    scan_mask, detector_mask = np.zeros((7, 9), bool), np.zeros((20, 26), bool)
    scan_mask[1, 2:5], detector_mask[3:6, 7] = True, True
    result = method(as_host(scan).prepare(scan_mask=scan_mask, detector_mask=detector_mask))
    assert result.patterns.shape == (3, 20, 26) and result.maps.shape == (3, 7, 9) and result.k == 3
    assert result.patterns.dtype == result.maps.dtype == np.float32
    assert np.array_equal(np.isnan(result.maps), np.broadcast_to(scan_mask, (3, 7, 9)))
    assert np.array_equal(np.isnan(result.patterns), np.broadcast_to(detector_mask, (3, 20, 26)))
    assert np.array_equal(np.isnan(result.residual_map()), scan_mask)
    assert np.array_equal(result.labels() == -1, scan_mask) or result.method != "nmf"
    assert result.explained.shape == (3,)


@pytest.mark.one_in(2)
def test_float64_stays_float64(scan, method):
    result = method(Unmix(scan.data.astype(float)))
    assert result.patterns.dtype == result.maps.dtype == np.float64


def test_input_is_unchanged_and_may_be_read_only(scan, method):
    data = np.array(scan.data)
    data.setflags(write=False)
    before = data.copy()
    method(Unmix(data))
    method(Unmix(data[:, ::-1].astype(">u2")))
    assert np.array_equal(data, before)


@pytest.mark.one_in(3)
def test_results_cannot_be_changed_by_accident(scan, method):
    result = method(Unmix(scan.data))
    with pytest.raises(ValueError, match="read-only"):
        result.maps[0, 0, 0] = 5
    with pytest.raises(AttributeError):
        result.maps = None


def test_reconstruction_and_residual_agree(scan, method):
    result = method(Unmix(scan.data), precision="double")
    difference = scan.data[4, 6] - result.reconstruct(4, 6)
    assert result.residual_map()[4, 6] == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-9)
    assert result.loss == pytest.approx((result.residual_map() ** 2).mean(), rel=1e-9)


def test_settings_say_how_to_repeat_the_run(scan):
    view = Unmix(scan.data, centre=(9, 13)).prepare(direct_beam=2, bin=2)
    result = view.nmf(3, n_starts=2, max_iter=12, tol=1e-5, random_state=11)
    settings = json.loads(json.dumps(result.settings))
    assert settings == result.settings
    for name, value in dict(method="nmf", n=3, n_starts=2, max_iter=12, tol=1e-5, init="nndsvd", random_state=11).items():
        assert settings[name] == value
    assert settings["view"]["preparation"][0]["bin"] == [2, 2]
    assert settings["view"]["preparation"][0]["direct_beam"] == "2 px"
    assert {"unmix4d", "numpy", "scipy", "python"} <= set(settings["versions"])
    names = ("n", "n_starts", "max_iter", "tol", "init", "precision", "random_state")
    again = view.nmf(**{name: settings[name] for name in names})
    assert np.array_equal(again.maps, result.maps)


def test_labels_compare_components_by_intensity():
    patterns = np.zeros((2, 6, 8))
    patterns[0, 1, 1], patterns[1, 4, 4] = 1000, 10
    maps = np.array([[[0.1, 0.0, 0.0, 1.0]], [[1.0, 1.0, 0.0, 1.0]]])
    data = np.einsum("kij,krc->ijrc", maps, patterns)
    result = Unmix(data).nmf(2, random_state=0, tol=0)
    # Maps alone would say component 1 in the first position, where it holds a tenth of the intensity.
    assert result.labels()[0].tolist() == [0, 1, -1, 0]


@pytest.mark.one_in(7)
def test_mean_patterns_are_means_of_the_measured_patterns(as_host, crystal):
    result = as_host(crystal).prepare(direct_beam=3).nmf(4, random_state=0, max_iter=30)
    labels, means = result.labels(), result.mean_patterns()
    for i in range(4):
        expected = crystal.data[labels == i].mean(0)
        inside = ~np.isnan(means[i])
        assert np.allclose(means[i][inside], expected[inside], rtol=1e-5)
        assert np.array_equal(inside, ~result.geometry.detector_mask)


def test_single_patterns_come_from_pure_positions():
    """Where two grains overlap, the mean of all patterns of a label holds both; that of single ones does not."""
    phantom = phantoms.bicrystal_in_vacuum(scan_shape=(14, 12), detector_shape=(32, 30), dose=1e3, seed=1)
    result = Unmix(phantom.data).nmf(3, random_state=0)
    pairs, _ = scores.match_maps(result.maps, phantom.maps)
    every, single = result.mean_patterns(), result.mean_patterns(single=True)
    # The share of the other crystal within the positions each mean is taken from.
    assert np.isfinite(single[pairs[1]]).all()
    assert not np.allclose(every[pairs[1]], single[pairs[1]])
    assert result.single_positions().sum(0).max() == 1


def test_a_component_without_positions_has_no_mean(scan):
    result = Unmix(scan.data).nmf(6, random_state=0, max_iter=10)
    means = result.mean_patterns()
    missing = [i for i in range(6) if not (result.labels() == i).any()]
    assert all(np.isnan(means[i]).all() for i in missing)
    assert np.isfinite(means[[i for i in range(6) if i not in missing]]).all()


@pytest.mark.parametrize(
    "position, error, message",
    [
        ((7, 0), ValueError, "row must be at most 6, got 7"),
        ((0, 9), ValueError, "col must be at most 8, got 9"),
        ((-1, 0), ValueError, "row must be at least 0"),
        ((0.5, 0), TypeError, "row must be a whole number"),
        ((1, 2), ValueError, r"position \(1, 2\) is excluded"),
    ],
)
def test_positions_that_have_no_reconstruction(scan, position, error, message):
    mask = np.zeros((7, 9), bool)
    mask[1, 2] = True
    result = Unmix(scan.data).prepare(scan_mask=mask).svd(2)
    with pytest.raises(error, match=message):
        result.reconstruct(*position)


@pytest.mark.one_in(2)
def test_repr_fits_a_screen(scan, method):
    text = repr(method(Unmix(scan.data, step=2, step_unit="nm", pixel_size=0.05, pixel_unit="A^-1")))
    assert re.search("3 (components|clusters) of a 7 x 9 x 20 x 26 scan", text)
    assert "2 nm per step, 0.05 1/Å per pixel" in text
    assert len(text.splitlines()) <= 10 and max(map(len, text.splitlines())) <= 110


@pytest.mark.one_in(2)
def test_citations_name_the_papers(scan, method):
    result = method(Unmix(scan.data))
    assert "Martineau" in result.citation
    assert ("Cichocki" in result.citation) == (result.method == "nmf")


@pytest.mark.one_in(2)
def test_line_scans_and_single_columns(scan, method):
    for data in (scan.data[:1], scan.data[:, :1]):
        result = method(Unmix(data))
        assert result.maps.shape == (3, *data.shape[:2])


def test_quantem_like_datasets(scan):
    class Dataset4dstem:
        array = np.array(scan.data)
        sampling = np.array([2.0, 2.0, 0.05, 0.05])
        origin = np.array([0.0, 0.0, -0.45, -0.65])
        units = ["nm", "nm", "A^-1", "A^-1"]

        def numpy(self):
            return self.array

    unmix = Unmix(Dataset4dstem())
    assert unmix.geometry.calibration.step == (2.0, 2.0) and unmix.geometry.calibration.pixel_unit == "1/Å"
    assert unmix.geometry.centre == pytest.approx((9, 13))
    maps, patterns = unmix.nmf(2, random_state=0).to_host()
    assert isinstance(maps, np.ndarray) and maps.shape == (2, 7, 9) and patterns.shape == (2, 20, 26)


def test_results_go_back_to_every_host(as_host, scan):
    mask = np.zeros((20, 26), bool)
    mask[4, 5] = True
    result = as_host(scan).prepare(detector_mask=mask).nmf(3, random_state=0, max_iter=10)
    maps, patterns = result.to_host()
    native = {"py4dstem": ("RealSlice", "DiffractionSlice")}.get(as_host.kind, ("ndarray", "ndarray"))
    if "pyxem" in as_host.kind:
        native = ("Signal2D", "ElectronDiffraction2D")
    assert (type(maps).__name__, type(patterns).__name__) == native
    maps_data, patterns_data = (getattr(o, "data", o) if native[0] != "ndarray" else o for o in (maps, patterns))
    assert np.array_equal(maps_data, result.maps)
    assert np.array_equal(patterns_data[:, ~mask], result.patterns[:, ~mask])
    assert (patterns_data[:, mask] == 0).all() or np.isnan(patterns_data[:, mask]).all() == (native[0] == "ndarray")


def test_progress_is_silent_when_hyperspy_says_so(pyxem, scan, capsys, monkeypatch):
    import hyperspy.api as hs

    monkeypatch.setattr("unmix4d.core.progress._DELAY", 0.0)
    unmix = scan.to_pyxem().unmix
    unmix.nmf(2, max_iter=3, random_state=0)
    assert "NMF, 2 components" in capsys.readouterr().err
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", False)
    unmix.nmf(2, max_iter=3, random_state=0)
    assert capsys.readouterr().err == ""


@pytest.mark.one_in(6)
def test_views_and_results_can_be_pickled(as_host, scan):
    import pickle

    if as_host.kind == "h5py":
        pytest.skip("an open HDF5 file cannot be pickled")
    view = as_host(scan)
    result = view.svd(2)
    assert np.array_equal(pickle.loads(pickle.dumps(result)).maps, result.maps)


@pytest.mark.parametrize("options", [dict(n_starts=3, init="random"), dict(constraints=[NoDarkSpots()]), dict(exact=True)])
def test_interruption_leaves_everything_as_it_was(scan, monkeypatch, options):
    """Ctrl-C in the middle of an iteration, also while several starts run side by side."""
    from unmix4d.decomposition import problems

    before, calls = np.array(scan.data), []
    unmix = Unmix(scan.data, centre=scan.centre)
    earlier = unmix.nmf(2, random_state=0)
    kept = earlier.maps.copy()
    real = problems.gram_of

    def interrupt(*args):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        for room in ("problems", "constrained"):
            patch.setattr(f"unmix4d.decomposition.{room}.gram_of", interrupt)
        with pytest.raises(KeyboardInterrupt):
            unmix.nmf(3, max_iter=4000, tol=0, random_state=0, **options)
    # The other starts saw that they are no longer wanted: nothing goes on behind the back of the user.
    assert len(calls) < 2000  # of 24 000 or more; how soon it is seen depends on what else the machine does
    assert np.array_equal(scan.data, before) and np.array_equal(earlier.maps, kept)
    assert np.array_equal(unmix.nmf(2, random_state=0).maps, kept)
