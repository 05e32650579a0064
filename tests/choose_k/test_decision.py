"""What a choice of the number of components says of its evidence."""

from types import SimpleNamespace

import numpy as np
import pytest

from unmix4d.choose_k.decision import decide


def evidence(above, sizes, ks=(2, 3, 4)):
    return SimpleNamespace(
        ks=np.array(ks), above_noise=above, sizes=np.array(sizes, float), table={},
        similarities=[{"cosine_sqrt": np.eye(k)} for k in ks],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("above", "said"), [(0, "nothing stands out of the noise"), (1, "1 directions of the scan stand out of the noise")]
)
def test_what_stands_out_is_said(above, said):
    votes = dict.fromkeys(("held_out", "loss_knee", "distinct", "stable", "coherent")) | {"noise_edge": 2}
    choice = decide(evidence(above, [3.0, 0.5, 0.4]), votes, why_not="no counts")
    assert choice.reasons[0].startswith(said) and not any("weakest direction is so close" in one for one in choice.reasons)


PAIRS = [(0, 1), (0, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize(("n", "named"), [(1, ""), (3, ", 0 and 2, 1 and 3"), (4, ", 0 and 2, 1 and 3, ...")])
def test_three_pairs_of_patterns_that_are_nearly_the_same_are_named(n, named):
    seen = evidence(4, [3.0, 3, 3, 3, 0.5], ks=(3, 4, 5))
    for i, j in PAIRS[:n]:
        seen.similarities[1]["cosine_sqrt"][i, j] = 1.0
    votes = dict.fromkeys(("held_out", "loss_knee", "distinct", "stable", "coherent")) | {"noise_edge": 4}
    choice = decide(seen, votes, why_not="no counts")
    assert choice.reasons[-1].endswith("nearly the same: 0 and 1" + named) and choice.confidence == "ambiguous"
