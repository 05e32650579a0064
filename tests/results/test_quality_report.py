"""Back to the raw data: report_quality and pattern_similarity against what they say they are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import unmix4d
from unmix4d import Unmix, image_quality, phantoms
from unmix4d.engine.matrix import PatternMatrix


@pytest.fixture(scope="module")
def view(crystal):
    return Unmix(crystal.data, centre=crystal.centre, step=2.0, step_unit="nm").prepare(direct_beam=4)


@pytest.fixture(scope="module")
def result(view):
    return view.nmf(5, random_state=0)


@pytest.fixture(scope="module")
def report(result):
    return result.report_quality()


def test_patterns_are_the_means_they_say(result, report, crystal):
    labels = result.labels()
    assert_array_equal(report.labels, labels)
    hidden = np.isnan(result.patterns[0])
    for i in range(result.k):
        here = labels == i
        if not here.any():
            assert np.isnan(report.raw[i]).all()
            continue
        assert_allclose(report.raw[i][~hidden], crystal.data[here].mean(0)[~hidden], rtol=1e-4, atol=1e-5)
        whole = np.einsum("kn,krc->rc", result.maps[:, here], result.patterns) / here.sum()
        assert_allclose(report.reconstruction[i], whole, rtol=1e-4, atol=1e-5)
        assert_allclose(report.largest[i], result.maps[i][here].mean() * result.patterns[i], rtol=1e-4, atol=1e-5)
        assert np.isnan(report.raw[i][hidden]).all() and np.isnan(report.reconstruction[i][hidden]).all()
        single = [np.allclose(report.single[i][~hidden], pattern[~hidden]) for pattern in crystal.data[here]]
        assert sum(single) >= 1


def test_the_table_is_the_metrics_of_the_pairs(report):
    table = report.table
    known = np.flatnonzero(table["n_positions"])
    assert table["n_positions"].sum() == (report.labels >= 0).sum()
    for i in known:
        top = np.nanmax(report.raw[i])
        assert table["data_range"][i] == top
        for name, metric in image_quality.METRICS.items():
            more = {} if name == "cross_correlation" else {"data_range": top}
            for suffix, images in (("", report.reconstruction), ("_largest", report.largest)):
                assert table[name + suffix][i] == pytest.approx(metric.function(images[i], report.raw[i], **more), rel=1e-9)
        assert table["noise_mean"][i] == pytest.approx(image_quality.noise_deviation(report.raw[i]))
        assert table["noise_mean"][i] < table["noise_single"][i] / 3
    assert not any(column.flags.writeable for column in table.values())


def test_a_good_fit_has_the_values_of_the_paper_and_a_poor_one_has_not(view, report):
    """Cao 2025, Fig. 4: SSIM 0.979 to 0.993, GMSD below 0.03, PSNR 37 to 57 dB."""
    known = report.table["n_positions"] > 20
    assert (report.table["ssim"][known] > 0.979).all()
    assert (report.table["gmsd"][known] < 0.03).all()
    assert (report.table["psnr"][known] > 37).all()
    poor = view.nmf(1, random_state=0).report_quality().table
    assert np.nanmean(poor["mdsi"]) == pytest.approx(0, abs=0.2)  # one label: the mean of all, which one pattern describes
    two = view.nmf(2, random_state=0).report_quality()
    assert np.nanmin(two.table["psnr_largest"]) < np.nanmin(report.table["psnr"][known])


def test_scale_sqrt_compares_square_roots(result, report):
    root = result.report_quality(scale="sqrt")
    i = int(np.argmax(report.table["n_positions"]))
    expected = image_quality.ssim(
        np.sqrt(report.reconstruction[i]), np.sqrt(report.raw[i]), data_range=np.sqrt(np.nanmax(report.raw[i]))
    )
    assert root.table["ssim"][i] == pytest.approx(expected, abs=1e-6)
    assert root.table["ssim"][i] < report.table["ssim"][i]
    assert_array_equal(root.table["noise_mean"], report.table["noise_mean"])


def test_one_pass_over_the_scan(result, monkeypatch):
    passes = []
    visit = PatternMatrix.visit
    monkeypatch.setattr(PatternMatrix, "visit", lambda self, *a, **k: passes.append(1) or visit(self, *a, **k))
    report = result.report_quality()
    assert report.table["ssim"].shape == (5,)
    assert len(passes) == 1


@pytest.mark.one_in(7)
def test_every_host_says_the_same(as_host, scan):
    reports = [u.nmf(3, random_state=0).report_quality() for u in (as_host(scan), Unmix(scan.data))]
    for name in ("ssim", "gmsd", "noise_mean"):
        assert_allclose(reports[0].table[name], reports[1].table[name], rtol=2e-3, atol=2e-4)
    assert reports[0].raw.dtype == np.float32


def test_excluded_positions_and_pixels_have_no_part(scan):
    data = scan.data.astype(float)
    scan_mask, detector_mask = np.zeros((7, 9), bool), np.zeros((20, 26), bool)
    scan_mask[2, 3], detector_mask[5:8, 4] = True, True
    data[2, 3], data[:, :, 5:8, 4] = np.nan, np.nan
    clean = np.nan_to_num(data, nan=7.0)
    reports = [
        Unmix(d).prepare(scan_mask=scan_mask, detector_mask=detector_mask).nmf(3, random_state=0).report_quality()
        for d in (data, clean)
    ]
    assert reports[0].labels[2, 3] == -1
    for name, column in reports[0].table.items():
        assert_array_equal(column, reports[1].table[name])


def test_works_for_features_and_after_load(view, result, tmp_path):
    aa = view.angular_average(15, rings=[(5, 10), (10, 18)]).nmf(4, random_state=0)
    assert aa.report_quality().raw.shape == (4, 48, 44)
    assert (aa.report_quality().table["ssim"][aa.report_quality().table["n_positions"] > 20] > 0.95).all()
    result.save(tmp_path / "r.h5")
    with pytest.raises(ValueError, match="report_quality needs the scan, which is not part of a saved result"):
        unmix4d.load(tmp_path / "r.h5").report_quality()
    loaded = unmix4d.load(tmp_path / "r.h5", data=view)
    assert_allclose(loaded.report_quality().table["mdsi"], result.report_quality().table["mdsi"], rtol=1e-6)
    assert unmix4d.load(tmp_path / "r.h5").pattern_similarity().matrix.shape == (5, 5)


@pytest.mark.filterwarnings("ignore:less than half of the positions are pure")
@pytest.mark.parametrize("method", ["svd", "pca", "fuzzy_cmeans"])
def test_every_decomposition_has_a_report(view, method):
    report = getattr(view, method)(3, **({"random_state": 0} if method == "fuzzy_cmeans" else {})).report_quality()
    known = report.table["n_positions"] > 0
    assert np.isfinite(report.table["psnr"][known]).all()
    if method == "pca":
        # With its mean pattern put back, or the differences would be as large as the patterns.
        assert (report.table["cross_correlation"][known] > 0.95).all()


def test_a_component_that_is_nowhere_the_strongest_is_nan(report, result):
    maps = np.array(result.maps)
    maps[4] *= 1e-6
    import dataclasses

    poor = dataclasses.replace(result, maps=maps).report_quality()
    assert poor.table["n_positions"][4] == 0
    assert np.isnan(poor.table["ssim"][4]) and np.isnan(poor.table["noise_single"][4])
    assert "nan" in repr(poor) and len(poor) == 5
    poor.plot()


def test_similarity_of_patterns(result):
    for metric in image_quality.METRICS:
        similarity = result.pattern_similarity(metric)
        expected = image_quality.similarity_matrix(result.patterns, metric, data_range=np.nanmax(result.patterns))
        assert_allclose(similarity.matrix, expected, rtol=1e-9)
        pairs = similarity.pairs
        best = pairs.max() if image_quality.METRICS[metric].direction == "higher" else pairs.min()
        assert similarity.matrix[similarity.most_similar] == best
        assert metric in repr(similarity)
    roots = result.pattern_similarity("ssim", scale="sqrt")
    assert roots.data_range == pytest.approx(np.sqrt(np.nanmax(result.patterns)), rel=1e-6)


def test_a_copy_of_a_component_is_found(result):
    import dataclasses

    patterns = np.array(result.patterns)
    patterns[3] = patterns[1] * 1.02
    for metric in image_quality.METRICS:
        assert dataclasses.replace(result, patterns=patterns).pattern_similarity(metric).most_similar == (1, 3)


def test_wrong_arguments_are_refused(result):
    with pytest.raises(ValueError, match="metric must be one of 'ssim'"):
        result.pattern_similarity("fsim")
    with pytest.raises(ValueError, match="scale must be one of 'linear', 'sqrt', got 'log'"):
        result.report_quality(scale="log")
    small = Unmix(phantoms.random_scan(shape=(4, 5, 6, 12), k=2, seed=0).data).nmf(2, random_state=0)
    with pytest.raises(ValueError, match="report_quality needs patterns of at least 7 x 7 pixels, got 6 x 12"):
        small.report_quality()


def test_figures_show_what_they_should(report, result):
    axes = report.plot([0, 2])
    assert axes.shape == (4, 2) and all(ax.images for ax in axes[:3].flat)
    assert any("SSIM" in text.get_text() for ax in axes[3] for text in ax.texts)
    for metric, colours in (("ssim", "viridis"), ("mdsi", "viridis_r")):
        ax = result.pattern_similarity(metric).plot()
        assert ax.images[0].get_cmap().name == colours
        written = {text.get_text() for text in ax.texts}
        assert len(ax.texts) == 20 and f"{result.pattern_similarity(metric).matrix[0, 1]:.2f}" in written
    one = unmix4d.Unmix(np.random.default_rng(0).poisson(3.0, (4, 4, 9, 9))).nmf(1, random_state=0)
    assert one.pattern_similarity().plot() is not None
