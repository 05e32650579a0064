"""Fuzzy clusters of scans: the observations of Martineau 2019 as numbers, the contract of a result, every host."""

import numpy as np
import pytest

import unmix4d
from support.scans import counts
from unmix4d import Unmix, UnmixWarning, phantoms, plots, scores
from unmix4d.maps import line_profile

# The small scans of the other tests have few pure positions, and are told so.
mixed = pytest.mark.filterwarnings("ignore:less than half of the positions are pure")

KINDS = [{}, {"covariance": "gustafson-kessel"}, {"contrast": 0.5}]


def view_of(phantom):
    return Unmix(
        phantom.data, centre=phantom.centre, pixel_size=phantom.pixel_size, pixel_unit="1/Å", step=phantom.step,
        step_unit="nm",
    )  # fmt: skip


@pytest.fixture(scope="module")
def wire():
    """Two crystals and vacuum, with a band in which the crystals overlap."""
    return phantoms.bicrystal_in_vacuum(scan_shape=(32, 24), detector_shape=(64, 60), seed=0)


@pytest.fixture(scope="module")
def clusters(wire):
    return view_of(wire).prepare(direct_beam=4).fuzzy_cmeans(3, random_state=0)


def line(ratio, **options):
    """Memberships and true share of the left crystal along a line scan, Fig. 5."""
    phantom = phantoms.martineau_fig5(pure_to_mixed=ratio)
    result = view_of(phantom).fuzzy_cmeans(2, random_state=0, precision="double", **options)
    pairs, _ = scores.match_maps(result.memberships, phantom.maps)
    return result.memberships[pairs[0], 0], phantom.maps[0, 0], result


def steep(values):
    """Length over which a profile is between a tenth and nine tenths."""
    return int(((values > 0.1) & (values < 0.9)).sum())


def test_fig5_boundary_too_narrow_pure_below_one_and_an_overshoot():
    found, truth, result = line(2)
    assert steep(found) < 0.75 * steep(truth)
    pure = found[truth == 1]
    assert 0.99 < pure.min() and pure.max() < 0.998
    assert found.max() - pure.max() > 0.003 and truth[found.argmax()] < 1  # it rises where the boundary begins
    assert scores.map_correlation(result.memberships, phantoms.martineau_fig5(pure_to_mixed=2).maps).min() > 0.98


def test_fig5_pure_membership_falls_with_the_mixed_share():
    levels = []
    for ratio in (10, 5, 2, 1, 0.5):
        found, truth, _ = line(ratio) if ratio >= 1 else warned(ratio)
        levels.append(found[truth == 1].mean())
    assert np.all(np.diff(levels) < -5e-4) and levels[0] > 0.999 and levels[-1] < 0.98


def warned(ratio):
    with pytest.warns(UnmixWarning, match="less than half of the positions are pure in cluster"):
        return line(ratio)


def test_fig5_high_contrast_cures_the_purity_and_narrows_the_boundary():
    plain, truth, _ = line(2)
    sharp, _, _ = line(2, contrast=0.5)
    assert np.all(sharp[truth == 1] == 1) and np.all(sharp[truth == 0] == 0)
    assert steep(sharp) < 0.6 * steep(plain)


def test_fig6_centres_resemble_the_end_members_more_than_nmf():
    phantom = phantoms.martineau_fig6()
    view = view_of(phantom)
    result = view.fuzzy_cmeans(2, random_state=0)
    nmf = view.nmf(2, init="random", n_starts=5, random_state=0)
    assert scores.pattern_cosine(result.centres, phantom.patterns).min() > 0.995
    assert scores.pattern_cosine(nmf.patterns, phantom.patterns).min() < 0.95
    pairs, _ = scores.match_maps(result.memberships, phantom.maps)
    pure = result.memberships[pairs][phantom.maps == 1]
    assert 0.98 < pure.mean() < 0.9999


def test_fig4_spurious_vacuum_in_the_overlap_and_its_cure(wire):
    view = view_of(wire).prepare(direct_beam=4)
    overlap = (wire.maps[1] > 0.3) & (wire.maps[2] > 0.3)
    pure = wire.maps[1:].max(0) > 0.98
    levels = {}
    for name, options in (("plain", {}), ("sharp", {"contrast": 0.5})):
        result = view.fuzzy_cmeans(3, random_state=0, **options)
        pairs, r = scores.match_maps(result.memberships, wire.maps)
        assert r.min() > 0.95
        levels[name] = result.memberships[pairs[0]]
    assert wire.maps[0][overlap].max() < 0.01
    assert levels["plain"][overlap].mean() > 0.08 > 5 * levels["plain"][pure].mean()
    assert levels["sharp"][overlap].mean() < 0.005


@pytest.mark.slow
@mixed
def test_an_embedded_particle_is_not_found_by_clustering_but_by_nmf():
    phantom = phantoms.embedded_particle(seed=0)
    view = view_of(phantom)
    cosine = {}
    for name, result in (
        ("fuzzy", view.fuzzy_cmeans(2, random_state=0)),
        ("nmf", view.nmf(2, random_state=0)),
    ):
        cosine[name] = scores.pattern_cosine(result.patterns, phantom.patterns)[1]
    assert cosine["fuzzy"] < 0.6 < 0.9 < cosine["nmf"]


@mixed
def test_a_beam_in_the_data_is_damped():
    """Two crystals with most spots in common, whose direct beam dims where they overlap."""
    p = phantoms.martineau_fig5(seed=1)
    expected, common = p.expectation(), p.patterns.mean(axis=0)
    expected = 0.3 * expected / expected.sum(axis=(2, 3), keepdims=True) + 0.7 * common / common.sum()
    spot = np.exp(-(np.hypot(*(np.indices(p.detector_shape) - np.array(p.centre)[:, None, None])) ** 2) / 4.5)
    share = p.maps[0] / p.maps.sum(axis=0)
    dimmed = (0.28 * (1 - 2.4 * share * (1 - share)))[..., None, None]
    data = np.random.default_rng(1).poisson(1e4 * ((1 - dimmed) * expected + dimmed * spot / spot.sum()))
    view = Unmix(data.astype(np.uint16), centre=p.centre)
    damped, plain = (view.fuzzy_cmeans(2, weights=w, random_state=0) for w in ("auto", "none"))
    likeness = [abs(np.corrcoef(r.maps[0].ravel(), share.ravel())[0, 1]) for r in (damped, plain)]
    assert likeness[0] > 0.95 and likeness[1] < 0.3  # measured 0.98 and 0.05
    projected = damped.centres.reshape(2, -1).astype(float) @ damped.axes.T.astype(float)
    assert np.allclose(projected, damped.loading_centres, rtol=1e-5, atol=1e-5 * np.abs(damped.loading_centres).max())
    assert damped.settings["weights"] == "capped"
    assert view.fuzzy_validity((2, 3), n_svd=2, n_starts=2, random_state=0).models[2].settings["weights"] == "capped"


@pytest.mark.one_in(3)
@mixed
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_the_centre_pattern_projects_on_the_centre_of_the_loadings(wire, options):
    for precision, tolerance in (("single", 1e-6), ("double", 1e-12)):
        result = view_of(wire).fuzzy_cmeans(3, random_state=0, precision=precision, **options)
        centres = result.centres.reshape(3, -1)[:, result.geometry.kept_pixels]
        projected = centres.astype(float) @ result.axes.T.astype(float)
        size = np.linalg.norm(result.loading_centres, axis=1, keepdims=True)
        assert (np.abs(projected - result.loading_centres) / size).max() < tolerance


def test_centres_are_weighted_means_of_the_raw_patterns(wire, clusters):
    raw = wire.data.reshape(-1, *wire.detector_shape).astype(float)
    weights = clusters.memberships.reshape(3, -1).astype(float) ** 2
    means = np.einsum("kn,nrc->krc", weights, raw) / weights.sum(1)[:, None, None]
    kept = np.isfinite(clusters.centres)
    assert np.allclose(clusters.centres[kept], means[kept], rtol=1e-4, atol=1e-5)
    assert clusters.centres[kept].min() >= 0  # no intensity is subtracted, as in NMF


@pytest.fixture(scope="module")
def truth_of(wire):
    """The answer for the plain array in double precision, found once for all kinds of input."""
    known = {}

    def answer(options):
        if str(options) not in known:
            known[str(options)] = Unmix(wire.data).fuzzy_cmeans(3, random_state=0, precision="double", **options)
        return known[str(options)]

    return answer


@pytest.mark.slow
@mixed
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_every_host_gives_the_same_clusters(as_host, wire, truth_of, options):
    truth = truth_of(options)
    view = as_host(wire)
    result = view.fuzzy_cmeans(3, random_state=0, precision="double", **options)
    assert np.allclose(result.memberships, truth.memberships, atol=1e-6)
    assert np.allclose(result.centres, truth.centres, rtol=1e-6, atol=1e-6 * truth.centres.max())
    single = view.fuzzy_cmeans(3, random_state=0, **options)
    assert single.memberships.dtype == single.centres.dtype == np.float32
    assert np.allclose(single.memberships, truth.memberships, atol=1e-3)
    assert np.allclose(single.memberships.sum(0), 1, atol=1e-6)


@mixed
def test_excluded_positions_and_pixels_do_not_count(scan):
    spoilt = np.array(scan.data)
    scan_mask, detector_mask = np.zeros((7, 9), bool), np.zeros((20, 26), bool)
    scan_mask[1, 2:5], detector_mask[3:6, 7] = True, True
    spoilt[scan_mask] = 60000
    spoilt[:, :, detector_mask] = 60000
    masks = {"scan_mask": scan_mask, "detector_mask": detector_mask}
    clean, dirty = (Unmix(data).prepare(**masks).fuzzy_cmeans(3, random_state=0) for data in (scan.data, spoilt))
    assert np.array_equal(clean.memberships, dirty.memberships, equal_nan=True)
    assert np.array_equal(clean.centres, dirty.centres, equal_nan=True)
    assert np.array_equal(np.isnan(clean.memberships[0]), scan_mask) and np.array_equal(clean.labels() == -1, scan_mask)


def test_permuting_and_scaling(wire, clusters):
    order = np.random.default_rng(0).permutation(32 * 24)
    mixed = wire.data.reshape(-1, *wire.detector_shape)[order].reshape(wire.data.shape)
    view = Unmix(mixed, centre=wire.centre).prepare(direct_beam=4)
    back = view.fuzzy_cmeans(3, random_state=0).memberships.reshape(3, -1)[:, np.argsort(order)].reshape(3, 32, 24)
    assert np.allclose(back, clusters.memberships, atol=2e-3)
    bright = Unmix(wire.data.astype(np.float32) * 50, centre=wire.centre).prepare(direct_beam=4)
    scaled = bright.fuzzy_cmeans(3, random_state=0)
    assert np.allclose(scaled.memberships, clusters.memberships, atol=1e-3)
    assert np.allclose(scaled.centres, 50 * clusters.centres, rtol=1e-2, atol=0.05, equal_nan=True)


@mixed
def test_what_is_the_same_everywhere_changes_nothing():
    """Clustering sees differences: a constant background is one loading more, and the same memberships."""
    wire = phantoms.bicrystal_in_vacuum(scan_shape=(24, 16), detector_shape=(48, 44), dose=None, seed=0)
    plain, lifted = np.asarray(wire.data, float), np.asarray(wire.data, float) + wire.patterns[0] + 1
    one = Unmix(plain, centre=wire.centre).fuzzy_cmeans(3, n_svd=3, random_state=0)
    two = Unmix(lifted, centre=wire.centre).fuzzy_cmeans(3, n_svd=4, random_state=0)
    order = [int(np.argmax([np.corrcoef(a.ravel(), b.ravel())[0, 1] for b in two.memberships])) for a in one.memberships]
    assert np.allclose(one.memberships, two.memberships[order], atol=1e-4)


def test_labels_are_the_largest_membership(clusters):
    assert np.array_equal(clusters.labels(), clusters.memberships.argmax(0))
    assert np.array_equal(clusters.intensities, clusters.memberships)
    assert clusters.explained == pytest.approx(clusters.memberships.mean((1, 2)), abs=1e-6)
    assert np.all(np.diff(clusters.explained) <= 0)


def test_loss_and_residuals_are_those_of_the_mixture_of_centres(wire, clusters):
    rest = wire.data - np.einsum("kij,krc->ijrc", clusters.memberships, np.nan_to_num(clusters.centres))
    kept = np.isfinite(clusters.centres[0])
    assert clusters.loss == pytest.approx((rest[..., kept] ** 2).mean(), rel=1e-4)
    assert np.allclose(clusters.residual_map(), np.sqrt((rest[..., kept] ** 2).mean(-1)), rtol=1e-4)


def test_saved_clusters_come_back(clusters, wire, tmp_path):
    clusters.save(tmp_path / "run.h5")
    again = unmix4d.load(tmp_path / "run.h5")
    assert type(again) is unmix4d.FuzzyClusters
    for name in ("memberships", "centres", "loadings", "axes", "loading_centres", "covariances", "pure_fraction"):
        assert np.array_equal(getattr(again, name), getattr(clusters, name), equal_nan=True), name
    assert again.validity == clusters.validity and repr(again).startswith("<FuzzyClusters: fuzzy_cmeans, 3 clusters")
    points = clusters.geometry.from_maps(clusters.loadings)
    assert np.allclose(again.membership_at(points), clusters.geometry.from_maps(clusters.memberships), atol=1e-3)
    with pytest.raises(ValueError, match="subclusters needs what was clustered"):
        again.subclusters(0, 2)
    linked = unmix4d.load(tmp_path / "run.h5", data=view_of(wire).prepare(direct_beam=4))
    assert linked.mean_patterns().shape == clusters.centres.shape


@mixed
def test_subclusters_find_the_film_below_a_part():
    """Fig. 3c: "two of the clusters comprise two smaller subclusters ... due to the underlying carbon film"."""
    wire = phantoms.bicrystal_in_vacuum(scan_shape=(32, 24), detector_shape=(64, 60), overlap=0, dose=4e3, seed=0)
    film = np.zeros((32, 24), bool)
    film[:, :10] = True
    rng = np.random.default_rng(0)
    halo = 0.3 * wire.patterns[0]
    data = wire.data + rng.poisson(film[..., None, None] * halo).astype(wire.data.dtype)
    result = Unmix(data, centre=wire.centre).prepare(direct_beam=4).fuzzy_cmeans(3, random_state=0)
    pairs, _ = scores.match_maps(result.memberships, wire.maps)
    crystal = int(pairs[1])
    inside = wire.maps[1] > 0.98
    inner = result.subclusters(crystal, 2, random_state=0)
    assert np.array_equal(np.isnan(inner.memberships[0]), result.memberships[crystal] < 0.9)
    inside &= inner.labels() >= 0
    agreement = np.mean(inner.labels()[inside] == film[inside])
    assert max(agreement, 1 - agreement) > 0.98
    with pytest.raises(ValueError, match="min_membership leaves no position of cluster 1, got 1.5"):
        result.subclusters(1, 2, min_membership=1.5)


@mixed
def test_subclusters_of_features(wire):
    features = view_of(wire).prepare(direct_beam=4).angular_average(rings=[(8, 16), (16, 26)])
    result = features.fuzzy_cmeans(3, random_state=0)
    assert result.features.shape[0] == 3 and result.centres.shape == (3, 64, 60)
    pairs, r = scores.match_maps(result.memberships, wire.maps)
    assert r.min() > 0.9
    raw = view_of(wire).prepare(direct_beam=4)
    weights = raw.geometry.from_maps(result.memberships.astype(float) ** 2)
    means = (raw.matrix("double").transpose_times(weights) / weights.sum(0)).T
    assert np.allclose(result.centres.reshape(3, -1)[:, raw.geometry.kept_pixels], means, rtol=1e-3, atol=1e-4)
    inner = result.subclusters(0, 2, random_state=0)
    assert inner.features is not None and np.isnan(inner.memberships[0]).sum() == (result.memberships[0] < 0.9).sum()


def test_validity_suggests_the_number_of_clusters(wire):
    found = view_of(wire).prepare(direct_beam=4).fuzzy_validity(range(2, 7), random_state=0)
    assert found.suggested == 3 and found[3].k == 3
    assert found.table["least_pure"][1] > 0.5
    axes = found.plot()
    assert len(axes) == 4 and "3 suggested" in repr(found)
    with pytest.raises(KeyError, match="n must be one of 2, 3, 4, 5, 6, got 9"):
        found[9]


def test_scatter_has_contours_where_memberships_are(clusters):
    axes = clusters.plot_scatter(1, 2)
    levels = [c for c in axes.collections if type(c).__name__ in ("QuadContourSet", "ContourSet")]
    assert len(axes.lines) == 3 and levels
    contour = levels[0]
    paths = contour.get_paths() if hasattr(contour, "get_paths") else contour.allsegs[0]
    vertices = np.concatenate([getattr(p, "vertices", p) for p in paths if len(getattr(p, "vertices", p))])
    from unmix4d.plots.fuzzy import _in_the_plane

    inside = clusters.membership_at(_in_the_plane(vertices, clusters.loading_centres, 1, 2))[:, 0]
    assert np.abs(inside[:, None] - np.array([0.5, 0.7, 0.9])).min(1).max() < 0.02


def test_the_plane_of_the_contours_holds_the_centres(clusters):
    from unmix4d.plots.fuzzy import _in_the_plane

    back = _in_the_plane(clusters.loading_centres[:, [1, 2]], clusters.loading_centres, 1, 2)
    assert np.allclose(back, clusters.loading_centres, atol=1e-6 * np.abs(clusters.loading_centres).max())


def test_profiles_of_results_and_images_share_an_axes(wire, clusters):
    view = view_of(wire).prepare(direct_beam=4)
    spot = np.unravel_index((wire.patterns[1] - 5 * wire.patterns[2]).argmax(), wire.detector_shape)
    dark_field = view.virtual_image(spot, 2)
    nmf = view.nmf(3, random_state=0)
    axes = plots.profile({"fuzzy": clusters, "NMF": nmf, "dark field": dark_field}, (2, 12), (30, 12), width=3)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[-1] == "dark field (scaled)" and len(labels) == 7 and axes.get_xlabel() == "distance (nm)"
    colours = {line.get_label(): line.get_color() for line in axes.lines}
    pairs, _ = scores.match_maps(nmf.maps, clusters.memberships)
    assert all(colours[f"NMF {i}"] == colours[f"fuzzy {n}"] for n, i in enumerate(pairs))
    drawn = axes.lines[0].get_ydata()
    assert np.allclose(drawn, np.mean([clusters.memberships[0, 2:31, c] for c in (11, 12, 13)], axis=0), atol=1e-6)
    assert axes.lines[0].get_xdata()[-1] == pytest.approx(28 * wire.step)
    crystal = scores.match_maps(nmf.maps, wire.maps)[0][1]
    assert np.corrcoef(dark_field.ravel(), nmf.maps[crystal].ravel())[0, 1] > 0.95


def test_line_profile_leaves_out_what_is_excluded():
    image = np.arange(20.0).reshape(4, 5)
    image[1, 2] = np.nan
    distances, values = line_profile(image, (1, 0), (1, 4), step=(1, 2.5))
    assert distances.tolist() == [0, 2.5, 5, 7.5, 10]
    assert np.isnan(values[2]) and values[[0, 1, 3, 4]].tolist() == [5, 6, 8, 9]
    assert line_profile(image, (1, 0), (1, 4), width=3)[1][2] == pytest.approx((2 + 12) / 2)
    with pytest.raises(ValueError, match="stop must be inside the map of 4 x 5 positions"):
        line_profile(image, (0, 0), (4, 0))
    with pytest.raises(ValueError, match="stop must differ from start"):
        line_profile(image, (1, 1), (1, 1))


def test_virtual_image_sums_a_disk(scan):
    u = Unmix(scan.data)
    rows, cols = np.indices((20, 26))
    disk = np.hypot(rows - 5, cols - 9) <= 2.5
    assert np.allclose(u.virtual_image((5, 9), 2.5), scan.data[..., disk].sum(-1))
    with pytest.raises(ValueError, match="none within 2 pixels of"):
        u.virtual_image((50, 9), 2)
    with pytest.raises(ValueError, match="spots must be positions"):
        u.virtual_image((1, 2, 3), 2)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 64}, ValueError, "n_clusters must be at most 63, the number of kept positions"),
        ({"n_clusters": 2.5}, TypeError, "n_clusters must be a whole number"),
        ({"n_svd": 0}, ValueError, "n_svd must be at least 1"),
        ({"n_svd": 900}, ValueError, "n_svd must be at most 63"),
        ({"m": 1}, ValueError, "m must be above 1"),
        ({"m": "2"}, TypeError, "m must be a number"),
        ({"contrast": 1}, ValueError, "contrast must be at least 0 and below 1"),
        ({"contrast": 0.5, "m": 3}, ValueError, "m must be 2 when a contrast is given"),
        ({"covariance": "diagonal"}, ValueError, "covariance must be one of"),
        ({"n_starts": 0}, ValueError, "n_starts must be at least 1"),
        ({"tol": -1}, ValueError, "tol must be at least 0"),
        ({"precision": "half"}, ValueError, "precision must be one of"),
        ({"random_state": -1}, ValueError, "random_state must be at least 0"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_read(scan, monkeypatch, arguments, error, message):
    view = Unmix(scan.data)
    monkeypatch.setattr(Unmix, "matrix", None)  # reading would fail otherwise
    with pytest.raises(error, match=message):
        view.fuzzy_cmeans(**{"n_clusters": 2, **arguments})


def test_wrong_numbers_of_clusters_for_validity(scan):
    for ns, message in (((), "at least one"), ((1, 2), "ns must be at least 2"), ((2, 99), "ns must be at most 63")):
        with pytest.raises(ValueError, match=message):
            Unmix(scan.data).fuzzy_validity(ns)
    with pytest.raises(TypeError, match="ns must be whole numbers"):
        Unmix(scan.data).fuzzy_validity(3)


@mixed
def test_degenerate_scans():
    same = np.ones((4, 5, 6, 7), np.uint16)
    one = Unmix(same).fuzzy_cmeans(1, random_state=0)
    assert np.all(one.memberships == 1) and one.validity == {} and one.pure_fraction == [1]
    with pytest.raises(ValueError, match="n_clusters must be at most 1, the number of different points"):
        Unmix(same).fuzzy_cmeans(2, random_state=0)
    two = same.copy()
    two[:2] = 5
    answer = Unmix(two).fuzzy_cmeans(2, random_state=0)
    assert np.array_equal(answer.labels()[0] == answer.labels()[3], np.zeros(5, bool))
    lonely = np.random.default_rng(0).poisson(20, (4, 5, 6, 7)).astype(np.uint16)
    lonely[2, 3] = np.random.default_rng(1).poisson(500, (6, 7))
    for options in KINDS:
        found = Unmix(lonely).fuzzy_cmeans(2, random_state=0, **options)
        assert np.isfinite(found.memberships).all() and np.isfinite(found.centres).all()
    with pytest.raises(ValueError, match="finite"):
        Unmix(np.where(lonely > 400, np.nan, lonely)).fuzzy_cmeans(2)


def test_too_many_clusters_are_warned_of():
    two = np.ones((4, 10, 6, 7), np.float32)
    two[:2] = 5
    two += 1e-5 * np.random.default_rng(0).standard_normal(two.shape).astype(np.float32)
    with pytest.warns(UnmixWarning, match="two of the centres are the same"):
        Unmix(two).fuzzy_cmeans(4, random_state=0)


def test_many_dimensions_are_warned_of(scan):
    with pytest.warns(UnmixWarning, match="n_svd is 12"):
        Unmix(scan.data).fuzzy_validity((2, 3), n_svd=12, random_state=0)


@mixed
def test_the_seed_repeats_and_is_recorded(scan):
    first = Unmix(scan.data).fuzzy_cmeans(3)
    again = Unmix(scan.data).fuzzy_cmeans(3, random_state=first.settings["random_state"])
    assert np.array_equal(first.memberships, again.memberships)
    assert "Bezdek" in first.citation and "Martineau" in first.citation
    kessel = Unmix(scan.data).fuzzy_cmeans(2, covariance="gustafson-kessel", random_state=0)
    assert "Gustafson" in kessel.citation


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_memberships_of_points_that_are_none():
    clusters = Unmix(counts(4, 5, 6, 7)).fuzzy_cmeans(2, random_state=0)
    for points in (3.0, np.zeros(1), np.zeros((2, 3)), np.zeros(0)):
        with pytest.raises(ValueError, match=r"loadings must have the shape \(..., 2\)"):
            clusters.membership_at(points)
    with pytest.raises(ValueError, match="loadings must be finite"):
        clusters.membership_at([np.nan, 1])
    with pytest.raises(TypeError, match="loadings must be an array of numbers"):
        clusters.membership_at("x")
