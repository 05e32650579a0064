"""Orientation, and what a pattern depends on besides, by least squares of the whole pattern. NumPy and SciPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .pattern_model import LEAST_ERROR, Experiment, PatternModel, PixelError, strained, strength_of, with_changes
from .reflections import Reflections
from .spots import Spots

__all__ = ["Refined", "refine_orientation"]

_ORIENTATION = ("row", "column", "beam")
# How far every number that is fitted may go. Widths, radii and powers are logarithms.
_MOST = {"row": 12.0, "column": 12.0, "beam": 12.0, "intensity": 1.5, "width": 2.5, "radius": 0.7, "power": 1.6,
         "offset_row": 3.0, "offset_col": 3.0, "scale": 0.1, "strain": 0.1, "shear": 0.1, "damping": 8.0}  # fmt: skip
_FIRST_ERROR = 0.3  # of amplitudes, until a fit says how large it is
# How far from the start each may be expected, where the pattern does not say: standard deviations. Starts are about a step
# of the host's grid away from the truth.
_EXPECTED = {"row": 2.5, "column": 2.5, "beam": 2.5, "width": 0.7, "power": 1.0, "damping": 1.5}
_TAIL, _TURN_DEG = 12.0, 4.0  # reflections that a fit looks at: excited, in widths, or after a turn by so much
_CONVERGED = 1e-5  # of chi squared: what a step gains when the fit ends
_PLACES = ("offset_row", "offset_col", "scale", "strain", "shear")  # what moves spots only
_STRAINS = {"strain": np.diag([0.5, -0.5]), "shear": np.array([[0.0, 0.5], [0.5, 0.0]])}
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
        Share of the intensity that is not explained in amplitude, beyond counting noise; NaN where `pixel_error` was given.
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
        Simulations, in each round.
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
        nothing = model.noise(error).chi_square(np.zeros(0, int), np.zeros(0))
        return Refined(matrix, seen, nothing, 1.0, np.full((3, 3), np.inf), error, 1.0)
    relative = _FIRST_ERROR if model_error is None else model_error
    reflections = reflections.near(matrix, _TAIL * seen.width, _TURN_DEG)
    problem, simulated = _Problem(reflections, model, matrix, seen, start, names), start * image
    x, left = np.zeros(len(names)), math.nan
    for _ in range(1 if pixel_error is not None else rounds):
        error = pixel_error or problem.error(x, simulated, relative)
        x = problem.fitted(x, error, evaluations)
        if pixel_error is None:
            simulated = problem.simulated(x)
            left = model.amplitude_error(simulated, problem.seen(x).radius)
            relative = max(left, LEAST_ERROR) if model_error is None else relative
    error = pixel_error or problem.error(x, simulated, relative)
    covariance = problem.covariance(x, error) if turn else np.full((3, 3), np.nan)
    return Refined(problem.matrix(x), problem.seen(x), problem.chi_square(x, error), relative, covariance, error, left)


class _Problem:
    """What is fitted: numbers that are 0 at the start."""

    def __init__(self, reflections, model, matrix, seen, intensity, names):
        self.reflections, self.model, self.names = reflections, model, names
        self._matrix, self._seen, self._intensity = matrix, seen, intensity
        self._most = np.array([_MOST[name] for name in names])
        self._known = np.array([_EXPECTED.get(name, np.inf) for name in names]) ** -2.0

    def _told(self, x):
        return {name: float(value) for name, value in zip(self.names, x)}

    def _turned(self, x):
        told = self._told(x)
        return np.radians([told.get(name, 0.0) for name in _ORIENTATION])

    def matrix(self, x):
        return _rotation(self._turned(x)) @ self._matrix

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

    def _simulation(self, x, error):
        return _Simulation(self, self._turned(x), self.matrix(x), self.seen(x), self._intensity * math.exp(
            self._told(x)["intensity"]), error)  # fmt: skip

    def simulated(self, x):
        image = self.model.image(self.reflections, self.matrix(x), self.seen(x))
        return self._intensity * math.exp(self._told(x)["intensity"]) * image

    def error(self, x, simulated, relative):
        return self.model.error_of_pixels(self.reflections, self.matrix(x), self.seen(x), simulated, relative)

    def fitted(self, x, error, evaluations):
        """The most likely numbers that so many simulations from `x` find (Levenberg and Marquardt's method)."""
        here = self._simulation(x, error)
        least, damping = here.chi2 + float(self._known @ x**2), 1e-3
        gradient, curvature = self._normal(here, x)
        for _ in range(evaluations - 1):
            step = _solved(curvature + damping * np.diag(np.diag(curvature) + 1e-12), -gradient)
            tried = np.clip(x + step, -self._most, self._most)
            there = self._simulation(tried, error)
            chi2 = there.chi2 + float(self._known @ tried**2)
            if chi2 >= least:
                damping *= 10
                if damping > 1e3:
                    break
                continue
            ended = least - chi2 < _CONVERGED * least
            x, here, least, damping = tried, there, chi2, damping / 10
            if ended:
                break
            gradient, curvature = self._normal(here, x)
        return x

    def _normal(self, here, x):
        gradient, curvature = here.normal()
        return gradient + self._known * x, curvature + np.diag(self._known)

    def chi_square(self, x, error) -> float:
        """Minus twice the logarithm of the likelihood, without what is expected."""
        return self._simulation(x, error).chi2

    def covariance(self, x, error):
        """Of the orientation, from the curvature, whatever the other numbers are."""
        if self.names[: len(_ORIENTATION)] != _ORIENTATION:
            return np.full((3, 3), np.nan)
        try:
            return np.linalg.inv(self._normal(self._simulation(x, error), x)[1])[:3, :3]
        except np.linalg.LinAlgError:
            return np.full((3, 3), np.inf)


class _Simulation:
    """A pattern for some numbers, how unlikely it is, and the derivatives by those that are fitted."""

    def __init__(self, problem, turned, matrix, seen, intensity, error):
        self._problem, self._turned, self._seen = problem, turned, seen
        model, reflections = problem.model, problem.reflections
        q, excess = reflections.excited_in_full(matrix)
        strength = intensity * strength_of(reflections, q, excess, seen)
        place, near = model.seen_spots(q[:, :2], strength, seen)
        self._q, self._excess = q[near], excess[near]
        self._spots = Spots(place[near], strength[near], seen.radius, seen.power, model.shape)
        self._pixels, self._noise = self._spots.touched(), model.noise(error)
        self._image = self._spots.image()[self._pixels]
        self.chi2 = self._noise.chi_square(self._pixels, self._image)

    def normal(self):
        """Half the gradient of chi squared, and half its curvature."""
        names = self._problem.names
        strengths, places = np.zeros((len(self._q), len(names))), np.zeros((len(self._q), 2, len(names)))
        shapes = {name: np.array([float(one == name) for one in names]) for name in ("radius", "power")}
        fall, by_excess = self._slopes()
        turns = self._turns() if names[0] in _ORIENTATION else None
        for i, name in enumerate(names):
            if name in _ORIENTATION:
                moved = turns[_ORIENTATION.index(name)]
                places[:, :, i] = self._moved(moved[:, :2])
                strengths[:, i] = by_excess * moved[:, 2] - self._seen.damping * (self._q[:, :2] * moved[:, :2]).sum(1)
            elif name == "intensity":
                strengths[:, i] = 1
            elif name == "width":
                strengths[:, i] = fall
            elif name == "damping":
                strengths[:, i] = -(self._q[:, :2] ** 2).sum(1) / 2
            elif name in _PLACES:
                places[:, :, i] = self._placed(name)
        strengths *= self._spots.strength[:, None]
        return self._noise.normal(self._pixels, self._image, self._spots.changes(self._pixels, strengths, places, **shapes))

    def _slopes(self):
        """Derivatives of the logarithm of the excitation: by that of the width, and by the excitation error."""
        width = self._seen.width
        square = (self._excess / width) ** 2
        fall = square if self._seen.kind == "gaussian" else 2 * square / (1 + square)
        return fall, -fall / np.where(self._excess == 0, 1.0, self._excess)

    def _turns(self):
        """Derivatives (3, n, 3) of the vectors by the three numbers of the rotation, a degree each."""
        cross = _crossed(self._turned)
        axes = np.radians(np.eye(3) + cross / 2 + cross @ cross / 6).T  # rows: about which axis each of them turns
        return np.cross(axes[:, None], self._q[None])

    def _moved(self, by):
        return self._seen.scale * self._problem.model.place_of(strained(by, self._seen.strain))

    def _placed(self, name):
        model, q = self._problem.model, self._q[:, :2]
        if name in ("offset_row", "offset_col"):
            return np.array([[float(name == "offset_row"), float(name == "offset_col")]])
        if name == "scale":
            return model.place_of(strained(q, self._seen.strain))
        return self._seen.scale * model.place_of(q @ _STRAINS[name])


def _solved(matrix, vector):
    try:
        return np.linalg.solve(matrix, vector)
    except np.linalg.LinAlgError:
        return np.zeros(len(vector))


def _crossed(vector):
    a, b, c = vector
    return np.array([[0.0, -c, b], [c, 0.0, -a], [-b, a, 0.0]])


def _rotation(vector):
    """Rodrigues' formula; SciPy's Rotation takes a fifth of the time of a fit."""
    angle = math.sqrt(float(vector @ vector))
    cross = _crossed(vector / max(angle, 1e-300))
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
