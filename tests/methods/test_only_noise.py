"""Scans that hold nothing but one pattern and its noise are told as such, by all methods that look for components."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.methods.only_noise import only_noise

SHAPE, SAID = (24, 24), "that stands out of the noise but the mean pattern"


def noise(dose, scan_shape=(10, 10), gradient=False, halo=True, seed=0):
    """Poisson noise of one pattern, with so many electrons at a position on average."""
    rows, cols = np.indices(SHAPE)
    pattern = np.exp(-np.hypot(rows - 11.5, cols - 11.5) / 5) + 0.05 if halo else np.ones(SHAPE)
    bright = np.linspace(0.2, 1.8, scan_shape[1]) if gradient else np.ones(scan_shape[1])
    means = dose * bright[:, None, None] * pattern / pattern.sum()
    counts = np.random.default_rng(seed).poisson(np.broadcast_to(means, (*scan_shape, *SHAPE)))
    return Unmix(counts.astype(np.uint16), centre=(11.5, 11.5))


CALLS = {
    "nmf": lambda u: u.nmf(2, random_state=0),
    "nmf_series": lambda u: u.nmf_series([1, 2], random_state=0),
    "choose_k": lambda u: u.choose_k(n_starts=1, max_iter=5, random_state=0),
    "merge_nmf": lambda u: u.merge_nmf(n_runs=2, random_state=0),
    "features": lambda u: u.angular_average(rings=[(3, 9)]).merge_nmf(n_runs=2, random_state=0),
}


@pytest.mark.parametrize("method", CALLS)
def test_it_is_said_once(method):
    with pytest.warns(UnmixWarning, match=SAID) as said:
        result = CALLS[method](noise(100))
    assert len(said) == 1
    if method == "choose_k":
        assert result.recommended == 1


def test_of_a_consensus_and_of_groups():
    view = noise(100)
    with pytest.warns(UnmixWarning, match=SAID):
        merged = view.merge_nmf(n_runs=2, random_state=0)
    assert merged.settings["only_noise"] and merged.consensus().settings["only_noise"]
    with pytest.warns(UnmixWarning, match=SAID):
        assert view.group_rotated().symmetry.tolist() == [0]


@pytest.mark.one_in(7)
@pytest.mark.parametrize("dose", [1, 10, 100, 1000])
@pytest.mark.parametrize("scan_shape", [(6, 7), (16, 15), (3, 60)])
@pytest.mark.parametrize("gradient, halo", [(False, True), (True, True), (True, False)])
def test_noise_of_any_dose_is_found(dose, scan_shape, gradient, halo):
    view = noise(dose, scan_shape, gradient, halo, seed=dose)
    assert only_noise(view, view.matrix(), None, 0)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", ["angular_average", "radial_variance", "polar"])
@pytest.mark.parametrize("gradient", [False, True])
def test_noise_is_found_in_features(kind, gradient):
    view = noise(100, (14, 15), gradient)
    made = view.angular_average(rings=[(3, 9)]) if kind == "angular_average" else getattr(view, kind)()
    assert only_noise(made, made.matrix(), None, 0)


@pytest.mark.parametrize("dose", [100, 1e4])
def test_structure_is_not_called_noise(dose):
    p = phantoms.polycrystal(n_grains=3, scan_shape=(16, 15), detector_shape=(32, 32), dose=dose, seed=0)
    view = Unmix(p.data, centre=p.centre).prepare(direct_beam=3)
    assert not only_noise(view, view.matrix(), None, 0)
    made = view.angular_average(rings=[(4, 14)])
    assert not only_noise(made, made.matrix(), None, 0)


def test_a_grain_at_every_position_is_not_called_noise():
    p = phantoms.rotated_phases(n_phases=2, scan_shape=(8, 8), detector_shape=(48, 48), dose=1e3, seed=0)
    view = Unmix(p.data, centre=p.centre)
    made = view.angular_average(rings=[(5, 20)])
    assert not only_noise(view, view.matrix(), None, 0) and not only_noise(made, made.matrix(), None, 0)


def test_a_few_positions_without_noise_are_not_called_noise():
    data = np.arange(12 * 200).reshape(3, 4, 10, 20)
    for rolled in (data, np.roll(data, 1, axis=2)):
        view = Unmix(rolled)
        assert not only_noise(view, view.matrix(), None, 0)


def test_groups_of_components_of_noise_are_not_told():
    with pytest.warns(UnmixWarning, match=SAID):
        result = noise(1).nmf(3, random_state=0)
    with pytest.warns(UnmixWarning, match="of its . groups of components from noise"):
        groups = result.group_rotated()
    assert not groups.told.any()
