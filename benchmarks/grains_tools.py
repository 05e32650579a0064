"""What the items of `grains.py` share: scores as cells of a table, films, an oracle, seconds."""

import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from real_input import Skipped

__all__ = [
    "FIGURES",
    "HEADER",
    "Clock",
    "film",
    "lowest",
    "mean_and_lowest",
    "oracle",
    "score_cells",
    "scored",
    "silver_file",
]

FIGURES = Path(__file__).resolve().parent / "figures"
_SHOWN = ("mean_map_correlation", "found", "TPR_G", "TNR_G", "IoU", "TPR_G_matched", "ARI")
HEADER = ["k", "map r", "found", "TPR_G", "TNR_G", "IoU", "TPR_G, one to one", "ARI"]


class Clock:
    """Seconds of named stages."""

    def __init__(self):
        self.seconds = {}

    @contextmanager
    def __call__(self, stage):
        """Time what is done inside of the block."""
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started

    @property
    def total(self):
        """Of all stages."""
        return sum(self.seconds.values())


def silver_file(data):
    """Path of the simulated silver film; skips where it is absent."""
    path = Path(data) / "ag_film_overlap.npz"
    if not path.is_file():
        raise Skipped(f"{path.name} is not in the data folder (give it with --data)")
    return path


def film(data):
    """The silver film: view with and without a mask on the direct beam, and the thickness of each grain in atoms."""
    from unmix4d import Unmix

    with np.load(silver_file(data)) as file:
        whole = Unmix(
            file["counts"], centre=(68, 68), pixel_size=float(file["k_step"]), pixel_unit="1/A",
            step=float(file["step"]), step_unit="A",
        )  # fmt: skip
        return SimpleNamespace(whole=whole, view=whole.prepare(direct_beam=10), thickness=file["thickness"], least=3)


def scored(found, truth, least=None):
    """Scores of maps (k, rows, columns) or of a result, ready for JSON, with k and the number of true grains."""
    from unmix4d.scores import grain_scores

    scores = grain_scores(found, truth, least=least)
    numbers = {name: float(value) for name, value in scores.as_dict().items()}
    return {**numbers, "found": scores.found, "k": len(getattr(found, "maps", found)), "n_grains": len(scores.grains)}


def score_cells(scores):
    """Cells under `HEADER`."""
    values = {name: f"{scores[name]:.3f}" for name in _SHOWN}
    values["found"] = f"{scores['found']} of {scores['n_grains']}"
    return [scores["k"], *values.values()]


def mean_and_lowest(answers, name, form="{:.3f}"):
    """'mean (lowest)' of a score over several answers."""
    values = [one[name] for one in answers]
    return f"{form.format(np.mean(values))} ({form.format(np.min(values))})"


def lowest(answers, name):
    """Lowest value of a score over several answers."""
    return float(np.min([one[name] for one in answers]))


def oracle(values, truth):
    """Maps of the best non-negative fit: features fitted to the true maps and a constant, then maps to those features.

    Parameters
    ----------
    values : ndarray (n_positions, n_features)
    truth : ndarray (k, scan_row, scan_col)

    Returns
    -------
    ndarray (k, scan_row, scan_col)
    """
    from unmix4d.decomposition.nnls import nnls_rows

    maps = np.column_stack([truth.reshape(len(truth), -1).T, np.ones(values.shape[0])]).astype(float)
    features = nnls_rows(values.T @ maps, maps.T @ maps).T.astype(float)
    fitted = nnls_rows(values @ features.T, features @ features.T)
    return fitted[:, :-1].T.reshape(truth.shape)
