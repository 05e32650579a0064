"""Where components are painted: by how thick they seem, and only those that are grains. No host takes part."""

import dataclasses

import numpy as np
import pytest

from unmix4d import Orientations, Unmix
from unmix4d.orientation import Match
from unmix4d.orientation.sources import paint
from unmix4d.results.rather_grains import rather_grains

SHAPE, DETECTOR = (8, 12), (24, 24)


@pytest.fixture(scope="module")
def two_grains():
    """A grain that scatters ten times as strongly tapers off to a third of its thickness over one that is as thick."""
    thickness = np.zeros((2, *SHAPE))
    thickness[0, :, :6], thickness[0, :, 6:9], thickness[1, :, 6:] = 1, 0.3, 1
    patterns = np.zeros((2, *DETECTOR))
    patterns[0, 4::8, 4::8], patterns[1, 2::9, 7::6] = 1000, 100
    counts = np.random.default_rng(0).poisson(np.einsum("krc,kij->rcij", thickness, patterns)).astype(np.uint16)
    result = Unmix(counts).nmf(2, random_state=0)
    strong = int(result.intensities[:, 0, 0].argmax())
    return result, strong, 1 - strong


def test_the_thicker_one_comes_first(two_grains):
    result, strong, weak = two_grains
    painted = paint(result, [True, True])
    assert (painted.first[:, :6] == strong).all() and (painted.first[:, 6:] == weak).all()
    assert (painted.second[:, 6:9] == strong).all() and (painted.second[:, 9:] == -1).all()
    # Shares are those of the intensity: 100 beside 0.3 * 1000, of as many spots.
    assert painted.weight[:, 6:9].mean() == pytest.approx(0.25, abs=0.01)


def test_only_indexed_components_are_painted(two_grains):
    result, strong, weak = two_grains
    alone = paint(result, np.arange(2) == weak)
    assert (alone.first[:, :6] == -1).all() and (alone.first[:, 6:] == weak).all() and (alone.second == -1).all()
    assert (paint(result, [False, False]).first == -1).all()


def test_what_is_no_grain_is_left_out(two_grains):
    result, strong, weak = two_grains
    assert rather_grains(None, result) == [0, 1] and rather_grains([1], result) == [1]
    with pytest.raises(ValueError, match="components must be different numbers from 0 to 1"):
        rather_grains([0, 0], result)
    view = Unmix(np.asarray(result.source.scan.patterns))
    merged = view.merge_nmf(3, n_runs=2, random_state=0).consensus()
    chance = np.where(np.arange(merged.k) == 0, 0.1, 0.9)
    assert rather_grains(None, dataclasses.replace(merged, grain_probability=chance)) == [*range(1, merged.k)]
    assert rather_grains(None, dataclasses.replace(merged, grain_probability=0 * chance)) == [*range(merged.k)]


def test_the_representation_says_so(two_grains):
    result, strong, weak = two_grains
    matches = tuple(Match(i, "single", 9, "a" if i == strong else None, np.eye(3)) for i in range(2))
    painted = paint(result, [one.matched for one in matches])
    found = Orientations("pyxem", matches, painted, result.geometry, {}, {"a": None}, settings={"not_indexed": [weak]})
    assert f"rather no grain, or not asked for, not indexed: component {weak}" in repr(found)
