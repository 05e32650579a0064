"""Orientation, and what a pattern depends on besides, by least squares of the whole pattern. NumPy and SciPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from .pattern_model import LEAST_ERROR, Experiment, PatternModel, PixelError, with_changes
from .reflections import Reflections

__all__ = ["Refined", "chi_square", "refine_orientation"]

_ORIENTATION = ("row", "column", "beam")
# Of every number that is fitted: the step of its derivative, and how far it may go. Widths and radii are logarithms.
_STEPS = {"row": 0.03, "column": 0.03, "beam": 0.03, "intensity": 0.01, "width": 0.02, "radius": 0.01, "power": 0.02,
          "offset_row": 0.01, "offset_col": 0.01, "scale": 1e-4, "strain": 1e-4, "shear": 1e-4, "damping": 0.02}  # fmt: skip
_MOST = {"row": 12.0, "column": 12.0, "beam": 12.0, "intensity": 1.5, "width": 2.5, "radius": 0.7, "power": 1.6,
         "offset_row": 3.0, "offset_col": 3.0, "scale": 0.1, "strain": 0.1, "shear": 0.1, "damping": 8.0}  # fmt: skip
_FIRST_ERROR = 0.3  # of amplitudes, until a fit says how large it is
# How far from the start each may be expected, where the pattern does not say: standard deviations. Starts are about a step
# of the host's grid away from the truth.
_EXPECTED = {"row": 2.5, "column": 2.5, "beam": 2.5, "width": 0.7, "power": 1.0, "damping": 1.5}
_TAIL, _TURN_DEG = 12.0, 4.0  # reflections that a fit looks at: excited, in widths, or after a turn by so much
_WITHIN = 0.9  # the probability of the angle that is given


@dataclass(frozen=True, eq=False)
class Refined:
    """An orientation that was fitted to a whole pattern.

    Attributes
    ----------
    matrix : ndarray (3, 3)
    seen : Experiment
    chi2 : float
        Minus twice the logarithm of the likelihood, up to a constant.
    model_error : float
        Relative, of amplitudes; what the fit leaves beyond counting noise, or what was given.
    covariance : ndarray (3, 3)
        Of small rotations about the rows, the columns and the beam, degrees squared; the other numbers that were fitted are
        taken into account.
    pixel_error : PixelError
        The model error of one pixel (`PatternModel.error_of_pixels`).
    left : float
        Share of the intensity that is not explained in amplitude, beyond counting noise.
    """

    matrix: np.ndarray
    seen: Experiment
    chi2: float
    model_error: float
    covariance: np.ndarray
    pixel_error: PixelError
    left: float

    @property
    def error_deg(self) -> float:
        """The true orientation is nearer than this with a probability of 0.9, degrees."""
        return radius_within(self.covariance)


def radius_within(covariance, probability: float = _WITHIN) -> float:
    """Length that a normal vector of some covariance stays below with a probability (Satterthwaite)."""
    from scipy.stats import chi2

    if not np.isfinite(covariance).all():
        return math.inf
    values = np.maximum(np.linalg.eigvalsh(covariance), 0)
    if not values.sum() > 0:
        return 0.0
    freedom = values.sum() ** 2 / (values**2).sum()
    return math.sqrt(values.sum() / freedom * chi2.ppf(probability, freedom))


def refine_orientation(
    reflections: Reflections,
    model: PatternModel,
    matrix,
    seen: Experiment,
    *,
    fit=("width", "radius", "offset_row", "offset_col"),
    model_error: float | None = None,
    pixel_error: PixelError | None = None,
    rounds: int = 3,
    evaluations: int = 8,
    turn: bool = True,
) -> Refined:
    """The most likely orientation near another one.

    Parameters
    ----------
    reflections : Reflections
    model : PatternModel
    matrix : ndarray (3, 3)
    seen : Experiment
        To start from; what is not fitted stays.
    fit : sequence of str
        Of "width", "radius", "power", "offset_row", "offset_col", "scale", "strain", "shear" and
        "damping".
    model_error : float, optional
        Relative error of amplitudes. None: what the fit leaves, at least 0.02.
    pixel_error : PixelError, optional
        The same for one pixel, of another fit that this one is compared with.
    rounds : int
        Of fits, each with the model error of the one before.
    evaluations : int
        Of derivatives, in each round.
    turn : bool
        Whether the orientation is fitted.

    Returns
    -------
    Refined
    """
    matrix = np.asarray(matrix, float)
    names = (*(_ORIENTATION if turn else ()), "intensity", *fit)
    image = model.image(reflections, matrix, seen)
    start = model.best_scale(image)
    if not start > 0:
        error = pixel_error or PixelError(0.0, 1.0)
        return Refined(matrix, seen, chi_square(model, 0 * image, error), 1.0, np.full((3, 3), np.inf), error, 1.0)
    relative = _FIRST_ERROR if model_error is None else model_error
    reflections = reflections.near(matrix, _TAIL * seen.width, _TURN_DEG)
    problem = _Problem(reflections, model, matrix, seen, start, names)
    x = np.zeros(len(names))
    for _ in range(1 if pixel_error is not None else rounds):
        x = problem.fitted(x, problem.error(x, relative) if pixel_error is None else pixel_error, evaluations)
        left = model.amplitude_error(problem.simulated(x), problem.seen(x).radius)
        if model_error is None:
            relative = max(left, LEAST_ERROR)
    error = problem.error(x, relative) if pixel_error is None else pixel_error
    chi2 = chi_square(model, problem.simulated(x), error)
    return Refined(problem.matrix(x), problem.seen(x), chi2, relative, problem.covariance(x, error), error, left)


def chi_square(model: PatternModel, simulated, pixel_error: PixelError) -> float:
    """Minus twice the logarithm of the likelihood, up to a constant."""
    return float((model.residual(simulated, pixel_error) ** 2).sum())


class _Problem:
    """What `least_squares` needs: numbers of about 1, from 0 at the start."""

    def __init__(self, reflections, model, matrix, seen, intensity, names):
        self.reflections, self.model, self.names = reflections, model, names
        self._matrix, self._seen, self._intensity = matrix, seen, intensity
        self._step = np.array([_STEPS[name] for name in names])
        self._most = np.array([_MOST[name] for name in names])
        self._expected = np.diag([1 / _EXPECTED.get(name, np.inf) for name in names])

    def _told(self, x):
        return {name: float(value) for name, value in zip(self.names, x)}

    def matrix(self, x):
        told = self._told(x)
        return _rotation(np.radians([told.get(name, 0.0) for name in _ORIENTATION])) @ self._matrix

    def seen(self, x):
        told, seen = self._told(x), self._seen
        return with_changes(
            seen,
            width=seen.width * math.exp(told.get("width", 0.0)),
            radius=seen.radius * math.exp(told.get("radius", 0.0)),
            power=seen.power * math.exp(told.get("power", 0.0)),
            offset=(seen.offset[0] + told.get("offset_row", 0.0), seen.offset[1] + told.get("offset_col", 0.0)),
            scale=seen.scale + told.get("scale", 0.0),
            damping=seen.damping + told.get("damping", 0.0),
            strain=(seen.strain[0] + told.get("strain", 0.0), seen.strain[1] + told.get("shear", 0.0)),
        )

    def simulated(self, x):
        image = self.model.image(self.reflections, self.matrix(x), self.seen(x))
        return self._intensity * math.exp(self._told(x)["intensity"]) * image

    def error(self, x, relative):
        return self.model.error_of_pixels(self.reflections, self.matrix(x), self.seen(x), self.simulated(x), relative)

    def fitted(self, x, error, evaluations):
        found = scipy.optimize.least_squares(
            lambda one: self._left(one, error), x, lambda one: self.jacobian(one, error),
            bounds=(-self._most, self._most), x_scale=10 * self._step, max_nfev=evaluations, xtol=1e-4, ftol=1e-5,
        )  # fmt: skip
        return found.x

    def _left(self, x, error):
        return np.concatenate([self.model.residual(self.simulated(x), error), self._expected @ x])

    def jacobian(self, x, error):
        """Forward differences: the model is smooth over these steps."""
        here = self._left(x, error)
        out = np.empty((len(here), len(x)))
        for i, step in enumerate(self._step):
            moved = x.copy()
            moved[i] += step if x[i] + step <= self._most[i] else -step
            out[:, i] = (self._left(moved, error) - here) / (moved[i] - x[i])
        return out

    def covariance(self, x, error):
        """Of the orientation, from the curvature, whatever the other numbers are."""
        if self.names[: len(_ORIENTATION)] != _ORIENTATION:
            return np.full((3, 3), np.nan)
        jacobian = self.jacobian(x, error)
        information = jacobian.T @ jacobian
        try:
            return np.linalg.inv(information)[:3, :3]
        except np.linalg.LinAlgError:
            return np.full((3, 3), np.inf)


def _rotation(vector):
    """Rodrigues' formula; SciPy's Rotation takes a fifth of the time of a fit."""
    angle = math.sqrt(float(vector @ vector))
    a, b, c = vector / max(angle, 1e-300)
    cross = np.array([[0.0, -c, b], [c, 0.0, -a], [-b, a, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
