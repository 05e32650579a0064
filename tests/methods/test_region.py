"""A part of a scan: indices, lengths, a rectangle of HyperSpy, a mask; and the whole by `fit` afterwards."""

import numpy as np
import pytest

from unmix4d import Unmix, phantoms, scores


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=4, scan_shape=(20, 24), detector_shape=(48, 44), overlap=0.3, dose=1000, seed=1)


def of(film, data=None, **more):
    facts = {"centre": film.centre, "step": film.step, "step_unit": "nm"}
    return Unmix(film.data if data is None else data, **facts, **more)


@pytest.mark.parametrize(
    ("rows", "cols"),
    [((5, 15), (4, 12)), (("10 nm", "28 nm"), ("8 nm", "22 nm")), (slice(5, 15), ("0.0075 µm", "0.0235 µm"))],
)
def test_a_part_is_what_slicing_gives(film, rows, cols):
    part = of(film).region(rows, cols)
    plain = of(film, film.data[5:15, 4:12])
    assert part.shape == plain.shape and part.scan.patterns.base is not None  # a view: nothing is copied
    one, other = (u.nmf(4, random_state=0) for u in (part, plain))
    assert np.array_equal(one.maps, other.maps) and part.geometry.calibration.scan_origin == (10, 8)
    assert part.region((2, 4)).geometry.calibration.scan_origin == (14, 8)
    assert part.scan.steps[-1] == {"region": [[5, 15], [4, 12]]}


@pytest.mark.filterwarnings("ignore:unexplained")  # what the part does not show
def test_the_whole_follows_from_a_part(film):
    u = of(film)
    part = u.region((0, 16), (0, 20)).nmf(5, random_state=0)
    assert scores.map_correlation(u.fit(part).maps, film.maps)[1:].min() > 0.9


@pytest.mark.parametrize("lazy", [False, True])
def test_native_answers_keep_their_place(pyxem, film, lazy):
    import hyperspy.api as hs

    signal = film.to_pyxem(lazy=lazy)
    signal.axes_manager["x"].offset = 3.0
    part = signal.unmix.region(roi=hs.roi.RectangularROI(left=11, right=27, top=10, bottom=30))
    assert part.shape[:2] == (10, 8) and part.scan.lazy is lazy
    maps, _ = part.nmf(4, random_state=0).to_host()
    native = signal.inav[11.0:27.0, 10.0:30.0]
    for name in "xy":
        ours, theirs = maps.axes_manager[name], native.axes_manager[name]
        assert (ours.offset, ours.scale, ours.size) == pytest.approx((theirs.offset, theirs.scale, theirs.size))
    assert np.array_equal(np.asarray(part.scan.patterns), np.asarray(native.data))
    by_length = signal.unmix.region(("10 nm", "28 nm"), ("11 nm", "25 nm"))
    assert by_length.shape == part.shape and by_length.geometry.calibration == part.geometry.calibration


def test_a_mask_and_several_scans(film):
    mask = np.ones((20, 24), bool)
    mask[3:9, 5:15] = False
    mask[4, 6] = True
    part = of(film).region(mask=mask)
    assert part.shape[:2] == (6, 10) and part.geometry.n_positions == 59
    both = Unmix([of(film), of(film)]).region((3, 9))
    assert both.geometry.scan_shape == (13, 24) and both.geometry.scans[1].scan_origin == (6.0, 0.0)


def test_an_outline_keeps_what_lies_inside_or_on_it(film):
    u = of(film)
    corners = [(3, 5), (3, 14), (8, 14), (8, 5)]
    whole = u.region(outline=corners)
    assert whole.shape[:2] == (6, 10) and whole.geometry.scan_mask is None
    assert np.array_equal(whole.scan.patterns, film.data[3:9, 5:15])
    row, col = np.mgrid[:20, :24]
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    round_ = u.region(outline=np.column_stack([9 + 6 * np.sin(turn), 11 + 6 * np.cos(turn)]))
    kept = round_.geometry.kept_positions.reshape(round_.geometry.scan_shape)
    away = np.hypot(row - 9, col - 11)[3:16, 5:18]
    assert kept[away < 5.9].all() and not kept[away > 6.8].any()


BAD = {
    "outside": (lambda u: u.region((5, 30)), "rows must lie inside the scan, from 0 to 20"),
    "backwards": (
        lambda u: u.region(None, (5, 2)),
        "cols must lie inside the scan, from 0 to 24, the first before the last",
    ),
    "nothing": (lambda u: u.region(), "one of the four, got none of them"),
    "both": (lambda u: u.region((0, 2), mask=np.zeros((20, 24), bool)), "one of the four, got 2 of them"),
    "gaps": (lambda u: u.region(slice(0, 8, 2)), "rows must be without gaps"),
    "unit": (lambda u: u.region(("1 1/nm", None)), "does not fit an axis calibrated in nm"),
    "kind": (lambda u: u.region(3), "rows must be a pair"),
    "roi": (lambda u: u.region(roi=3), "roi must be a RectangularROI"),
    "corners": (lambda u: u.region(outline=[(0, 0), (2, 2)]), "outline must be a list of 3 corners"),
    "a word": (lambda u: u.region(outline="lasso"), "outline must be a list of corners"),
    "corners outside": (
        lambda u: u.region(outline=[(0, 0), (0, 30), (9, 9)]),
        "corners of outline must lie inside the scan",
    ),
    "not a number": (lambda u: u.region(outline=[(0, 0), (0, np.nan), (9, 9)]), "corners of outline must lie inside"),
    "of several": (lambda u: Unmix([u, u]).region(outline=[(0, 0), (0, 9), (9, 9)]), "outline of region is for one scan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_regions_are_refused(film, name):
    call, message = BAD[name]
    with pytest.raises((ValueError, TypeError), match=message):
        call(of(film))
