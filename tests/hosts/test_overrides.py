"""What the caller knows better than the host: what stays of the host's axes, and where they begin then."""

import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.core.geometry import Calibration

SHAPE = (10, 12, 8, 9)


@pytest.fixture(scope="module")
def counts():
    return np.random.default_rng(0).poisson(5, SHAPE).astype(np.uint16)


def axes(signal):
    """(offset, scale, unit) of the two axes of a map, y before x."""
    return [(a.offset, a.scale, str(a.units)) for a in signal.axes_manager.signal_axes[::-1]]


def maps(signal, **facts):
    return axes(Unmix(signal, **facts).nmf(1, max_iter=2, random_state=0).to_host()[0])


def test_positions_stay_where_they_were_in_positions(pyxem, counts):
    bare = pyxem.signals.Diffraction2D(counts)
    cropped = maps(bare.inav[4:, 2:], step=2.0, step_unit="nm")
    assert [entry[:2] for entry in cropped] == [(4, 2), (8, 2)] and {entry[2] for entry in cropped} == {"nm"}


def test_a_step_in_another_unit_moves_the_offset(pyxem, counts):
    signal = pyxem.signals.Diffraction2D(counts)
    for axis, offset in zip(signal.axes_manager.navigation_axes, (-7, 5)):
        axis.scale, axis.units, axis.offset = 1.0, "nm", offset
    assert [e[:2] for e in maps(signal, step=10.0, step_unit="Å")] == [(50, 10), (-70, 10)]
    corrected = maps(signal, step=1.3)
    assert np.allclose([e[:2] for e in corrected], [(6.5, 1.3), (-9.1, 1.3)]) and corrected[0][2] == "nm"
    assert np.allclose([e[:2] for e in maps(signal, step=(2, 0.5))], [(10, 2), (-3.5, 0.5)])
    assert [e[:2] for e in maps(signal, step_unit="Å")] == [(5, 1), (-7, 1)]  # the numbers were right, their unit was not


def test_negative_axes_keep_their_direction(pyxem, counts):
    signal = pyxem.signals.Diffraction2D(counts)
    x, y = signal.axes_manager.navigation_axes
    x.scale, x.offset, x.units, y.scale, y.offset, y.units = -0.5, 4.0, "nm", 0.5, -1.0, "nm"
    assert np.allclose([e[:2] for e in maps(signal, step=2.0)], [(-4, 2), (16, -2)])


def test_axes_without_a_common_unit_keep_their_first_position(pyxem, counts):
    signal = pyxem.signals.Diffraction2D(counts)
    x, y = signal.axes_manager.navigation_axes
    x.scale, x.offset, x.units, y.scale, y.offset = 0.5, 3.0, "nm", 1.0, 4.0
    with pytest.warns(UserWarning, match="different units"):
        found = maps(signal, step=2.0, step_unit="nm")
    assert np.allclose([e[:2] for e in found], [(8, 2), (12, 2)]) and found[0][2] == "nm"


def test_a_line_scan_too(pyxem, counts):
    signal = pyxem.signals.Diffraction2D(counts[0])
    (axis,) = signal.axes_manager.navigation_axes
    axis.scale, axis.units, axis.offset = 0.5, "nm", 3.0
    assert [e[:2] for e in maps(signal, step=2.0)] == [(12, 2)]


def test_vectors_follow_the_same_rule(pyxem, counts):
    data = np.empty(SHAPE[:2], object)
    for i, j in np.ndindex(SHAPE[:2]):
        data[i, j] = np.array([[0.1, 0.3, 1.0], [-0.1, -0.3, 2.0]])
    vectors = pyxem.signals.DiffractionVectors(data, units=["1/Å"] * 2, scales=[0.02] * 2, offsets=[-0.2] * 2)
    vectors.column_names = ["ky", "kx", "intensity"]
    for axis, offset in zip(vectors.axes_manager.navigation_axes, (-7, 5)):
        axis.scale, axis.units, axis.offset = 1.0, "nm", offset
    assert [e[:2] for e in maps(vectors, step=10.0, step_unit="Å")] == [(50, 10), (-70, 10)]


def test_of_quantem_and_plain_facts():
    known = Calibration(step=(2.0, 4.0), step_unit="nm", scan_origin=(6.0, -8.0))
    assert known.with_changes(step=(1.0, 1.0)).scan_origin == (3.0, -2.0)
    assert known.with_changes(step_unit="Å").scan_origin == (6.0, -8.0)
    assert known.with_changes(step=(1.0, 1.0), scan_origin=(0.0, 0.0)).scan_origin == (0.0, 0.0)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_vectors_on_negative_axes_come_back_with_their_sign(pyxem, flips):
    """A spot keeps its (ky, kx), whether components are made of the scan or of the vectors alone."""
    data = np.zeros((3, 4, 21, 27), np.float32)
    data[..., 10, 12], data[..., 4, 21], data[..., 16, 6] = 100, 80, 60
    signal = pyxem.signals.ElectronDiffraction2D(data)
    for axis, sign, centre in zip(signal.axes_manager.signal_axes, flips[::-1], (12, 10)):
        axis.scale, axis.offset, axis.units = sign * 0.02, -sign * 0.02 * centre, "1/Å"
    vectors = signal.get_diffraction_vectors(method="local_max", min_distance=2, threshold_abs=20)
    truth = (-6 * 0.02 * flips[0], 9 * 0.02 * flips[1])
    for pixel, result in (
        (0.02, signal.unmix.prepare(direct_beam=2).nmf(1, random_state=0)),
        (0.06, Unmix(vectors).nmf(1, random_state=0)),
    ):
        patterns = result.to_host()[1]
        kx, ky = patterns.axes_manager.signal_axes
        row, col = np.unravel_index(np.nan_to_num(patterns.data[0]).argmax(), patterns.data[0].shape)
        assert (ky.index2value(int(row)), kx.index2value(int(col))) == pytest.approx(truth, abs=0.51 * pixel)
        assert (np.sign(ky.scale), np.sign(kx.scale)) == flips
