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


BAD = {
    "outside": (lambda u: u.region((5, 30)), "rows must lie inside the scan, from 0 to 20"),
    "backwards": (
        lambda u: u.region(None, (5, 2)),
        "cols must lie inside the scan, from 0 to 24, the first before the last",
    ),
    "nothing": (lambda u: u.region(), "one of the three, got none of them"),
    "both": (lambda u: u.region((0, 2), mask=np.zeros((20, 24), bool)), "one of the three, got 2 of them"),
    "gaps": (lambda u: u.region(slice(0, 8, 2)), "rows must be without gaps"),
    "unit": (lambda u: u.region(("1 1/nm", None)), "does not fit an axis calibrated in nm"),
    "kind": (lambda u: u.region(3), "rows must be a pair"),
    "roi": (lambda u: u.region(roi=3), "roi must be a RectangularROI"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_regions_are_refused(film, name):
    call, message = BAD[name]
    with pytest.raises((ValueError, TypeError), match=message):
        call(of(film))
