"""What the first pass is looked at for: one warning for what is wrong, none for what is right."""

import warnings

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms

DETECTOR = (60, 52)


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=6, scan_shape=(12, 10), detector_shape=DETECTOR, direct_beam=0.5, dose=4e3, seed=1)


def warned(view):
    """The messages of the first pass over a view, in which all answers are made."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        view.mean_pattern()
    assert all(issubclass(w.category, UnmixWarning) for w in caught)
    return [str(w.message) for w in caught]


def disk(centre, radius):
    rows, cols = np.indices(DETECTOR)
    return np.hypot(rows - centre[0], cols - centre[1]) <= radius


@pytest.mark.one_in(7)
@pytest.mark.parametrize("options", [{}, dict(direct_beam=5), dict(annulus=(5, 20)), dict(bin=2), dict(friedel=True)])
def test_a_good_scan_passes_in_silence(as_host, film, options):
    assert warned(as_host(film).prepare(**options)) == []


def test_nobody_is_told_twice(film):
    view = Unmix(film.data, centre=np.add(film.centre, 15))
    assert len(warned(view)) == 1
    assert warned(view) == []
    assert len(warned(view.prepare(bin=2))) == 1
    with pytest.warns(UnmixWarning, match="the centre is") as caught:
        Unmix(film.data, centre=np.add(film.centre, 15)).nmf(2, max_iter=2, random_state=0)
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize("off, mask", [((6, 0), None), ((12, -15), None), ((12, -15), 4)])
def test_the_direct_beam_beside_the_centre(film, off, mask):
    centre = np.add(film.centre, off)
    (message,) = warned(Unmix(film.data, centre=centre).prepare(direct_beam=mask))
    row, col = film.centre
    assert message.startswith(f"the centre is ({centre[0]:.1f}, {centre[1]:.1f}), but the direct beam seems to be at (")
    found = [float(v) for v in message.split("be at (")[1].split(")")[0].split(",")]
    assert found == pytest.approx((row, col), abs=0.6) and "align='measure'" in message


@pytest.mark.parametrize("off, told", [((0, 0), 0), ((1, 1), 0), ((8, 0), 1), ((-6, 7), 1)])
def test_where_the_beam_is_masked_the_pattern_tells_its_centre(film, off, told):
    view = Unmix(film.data, centre=np.add(film.centre, off)).prepare(detector_mask=disk(film.centre, 5))
    found = warned(view)
    assert len(found) == told
    if told:
        place = [float(v) for v in found[0].split("is symmetric about (")[1].split(")")[0].split(",")]
        assert place == pytest.approx(film.centre, abs=1)


def test_a_beam_stop_is_no_fault(film):
    """Its shadow leaves a reflection as the brightest spot, and the pattern still symmetric about the centre."""
    data = np.array(film.data)
    data[:, :, disk(film.centre, 6)] = 0
    assert warned(Unmix(data, centre=film.centre)) == []


def test_an_origin_that_binning_left_stale(py4dstem):
    data = np.ones((4, 5, 96, 96), np.uint16)
    data[:, :, 39:42, 39:42] = 5000
    for bin in (1, 2):
        cube = py4dstem.DataCube(np.array(data))
        cube.calibration.set_origin((40.0, 40.0))
        if bin > 1:
            cube.bin_Q(bin)
        found = warned(cube.unmix.prepare(direct_beam=3))
        assert len(found) == bin - 1 and all("direct beam seems to be at (19.8, 19.8)" in message for message in found)


@pytest.mark.parametrize("dtype, value", [("u4", 2**32 - 1), ("u2", 65535), ("u2", 65534), (">i4", 2**31 - 1)])
def test_gaps_of_the_detector(film, dtype, value):
    data = film.data.astype(dtype)
    data[:, :, 20:22] = value
    (message,) = warned(Unmix(data, centre=film.centre))
    assert message.startswith("104 pixels, the first of them (20, 0), are at the largest value of")
    assert "prepare(detector_mask=...)" in message
    gaps = np.zeros(DETECTOR, bool)
    gaps[20:22] = True
    assert warned(Unmix(data, centre=film.centre).prepare(detector_mask=gaps)) == []
    data[3, 4, 20:22] = 3  # saturated at most positions is not what gaps are
    assert not any("largest value" in message for message in warned(Unmix(data, centre=film.centre)))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("options", [{}, dict(direct_beam=5)])
def test_hot_pixels_and_hits(film, known, options):
    if options and not known:
        return
    centre = film.centre if known else None
    for where in (np.s_[:, :, 12, 44], np.s_[3, 4, 12, 44]):
        data = np.array(film.data)
        data[where] = 100 if where[0] != 3 else 12000
        (message,) = warned(Unmix(data, centre=centre).prepare(**options))
        assert message.startswith("pixel (12, 44) is bright alone, with ") and "prepare(hot_pixels=...)" in message
        assert warned(Unmix(data, centre=centre).prepare(hot_pixels=True, **options)) == []


def test_origins_that_drift_out_of_the_mask(py4dstem):
    origin = np.stack(np.meshgrid(14.0 + np.arange(8), 14.0 + np.arange(13), indexing="ij"), -1)
    data = np.zeros((8, 13, 40, 44), np.uint16)
    for i, j in np.ndindex(8, 13):
        data[(i, j, *origin[i, j].astype(int))] = 1000
    cube = py4dstem.DataCube(data)
    cube.calibration.set_origin((origin[..., 0], origin[..., 1]))
    message = r"up to 6.95 pixels from the mean centre, and at 96 of 104 positions .* 3 pixels.*prepare\(align=True\)"
    with pytest.warns(UnmixWarning, match=message):
        cube.unmix.prepare(direct_beam=3)
    with pytest.warns(UnmixWarning, match=message):
        cube.unmix.prepare(annulus=(3, None))
    cube.unmix.prepare(align=True, direct_beam=3)  # says nothing
    cube.unmix.prepare(direct_beam=14)
    cube.unmix.prepare(annulus=(None, 10))
    far = np.hypot(*np.moveaxis(origin - origin.mean((0, 1)), -1, 0)) > 1.5
    cube.unmix.prepare(direct_beam=3, scan_mask=far)  # what is excluded is not looked at


def test_odd_shapes_are_looked_at_without_harm():
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 64, 64), (1, 2, 1, 300), (2, 2, 12, 12), (3, 3, 13, 200), (2, 2, 401, 30)):
        for data in (np.zeros(shape), rng.poisson(2, shape), np.full(shape, 254.5), -rng.random(shape)):
            centre = ((shape[2] - 1) / 2, (shape[3] - 1) / 2)
            assert warned(Unmix(data, centre=centre)) == []


@pytest.mark.parametrize("dtype, value", [("u1", 255), ("u2", 65535), ("f4", 65535), ("i4", 2**31 - 1)])
def test_a_scan_that_is_nothing_but_saturated(dtype, value):
    (message,) = warned(Unmix(np.full((4, 5, 16, 14), value, dtype), centre=(7.5, 6.5)))
    assert message.startswith("all pixels are at the ") and "read the scan anew" in message


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("options", [{}, dict(direct_beam=5)])
def test_hot_pixels_in_pairs_are_no_beam(film, step, options):
    data = np.array(film.data)
    data[:, :, 12, 44] = data[:, :, 12 + step[0], 44 + step[1]] = 200
    (message,) = warned(Unmix(data, centre=film.centre).prepare(**options))
    assert message.startswith("2 pixels, the first of them (12, 44), are bright alone") and "detector_mask" in message


@pytest.mark.parametrize("where", [np.s_[:, 12], np.s_[12, :], np.s_[:, 0], np.s_[:30, 40], np.s_[30:, 22]])
def test_a_hot_row_or_column(film, where):
    data = np.array(film.data).astype(np.float32)
    assert warned(Unmix(data, centre=film.centre)) == []
    data[(..., *where)] += 30
    (message,) = warned(Unmix(data, centre=film.centre))
    assert "of rows or columns that are brighter than both their neighbours" in message and "detector_mask" in message
    line = np.zeros(DETECTOR, bool)
    line[where] = True
    assert warned(Unmix(data, centre=film.centre).prepare(detector_mask=line)) == []


@pytest.mark.parametrize("dtype, value", [("f4", 2**32 - 1), ("u8", 2**32 - 1), ("u4", 65535), ("f8", 65534), ("i4", -1)])
def test_gaps_of_a_smaller_type_or_below_zero(film, dtype, value):
    data = film.data.astype(dtype)
    data[:, :, 20] = value
    found = [message for message in warned(Unmix(data, centre=film.centre)) if "at every position, as gaps" in message]
    assert len(found) == 1 and found[0].startswith("52 pixels, the first of them (20, 0), are")


def test_the_first_pass_of_features_is_looked_at(film):
    off = tuple(np.add(film.centre, (12, 0)))
    view = Unmix(film.data, centre=off)
    with pytest.warns(UnmixWarning, match="direct beam seems to be at"):
        view.angular_average(rings=[(4, 12)]).mean_pattern()
    assert not warned(view)  # once is enough


def test_parts_of_the_counts_are_not_looked_at_again(film):
    """choose_k fits parts of the counts, of which all that is odd was said of the whole."""
    view = Unmix([film.data, film.data // 4], centre=film.centre)
    assert len(warned(view)) == 1  # unlike doses
    fit, held_out = view.split_counts(0.5, random_state=0)
    assert warned(fit) == warned(held_out.persist()) == warned(view.persist()) == []


def test_centres_that_move_are_said_where_their_mean_is_taken(py4dstem, film):
    cube = py4dstem.DataCube(np.array(film.data))
    rows, cols = np.full((12, 10), float(film.centre[0])), np.full((12, 10), float(film.centre[1]))
    cube.calibration.set_origin((rows + np.linspace(-3, 3, 12)[:, None], cols))
    with pytest.warns(UnmixWarning, match="up to 3 pixels from their mean, .*prepare\\(align=True\\)"):
        cube.unmix.angular_average(rings=[(4, 12)])
    cube.unmix.prepare(align=True).angular_average(rings=[(4, 12)])
