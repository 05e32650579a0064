"""How many components of a truncated SVD are more than rounding."""

from __future__ import annotations

import numpy as np

__all__ = ["numerical_rank", "require_rank"]

_ROUNDING = 2  # singular values below so many times the precision of the largest one are rounding


def numerical_rank(values, dtype) -> int:
    """Number of singular values (descending) above the rounding of the largest one in this dtype."""
    values = np.asarray(values, np.float64)
    return int((values > _ROUNDING * np.finfo(dtype).eps * values[:1]).sum())


def require_rank(values, dtype, method: str) -> None:
    """Refuse more components than the scan has, on behalf of `method`.

    Parameters
    ----------
    values : ndarray (n,)
        Singular values, descending, as many as components are asked for.
    dtype : numpy dtype
        Of the arithmetic they come from.
    method : str

    Raises
    ------
    ValueError
        When not all of them are above rounding.
    """
    rank = numerical_rank(values, dtype)
    if rank == 0:
        raise ValueError(f"{method} needs a signal, but every value of the scan is 0")
    if rank < len(values):
        raise ValueError(
            f"n must be at most {rank}, the rank of the scan, because {method} needs as many linearly independent "
            f"patterns as components, got {len(values)}"
        )
