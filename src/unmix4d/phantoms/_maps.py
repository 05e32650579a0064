"""Maps: soft boxes, inclined boundaries, grains of a film, smooth fields."""

import numpy as np
import scipy


def soft_box(n, centre, width, edge):
    """Box of `width` positions around `centre` whose edges are error functions of sigma `edge`, (n,)."""
    x = np.arange(n) - centre
    edge = max(edge, 1e-6) * np.sqrt(2)
    return 0.5 * (scipy.special.erf((x + width / 2) / edge) - scipy.special.erf((x - width / 2) / edge))


def inclined_boundary(n, mixed):
    """Thickness share of the left crystal along a line: 1, falling linearly over `mixed` positions, 0."""
    share = (n - 1) / 2 - np.arange(n)
    return np.clip(share / (mixed + 1) + 0.5, 0, 1)


def smooth_field(shape, rng, length):
    """Random field with values from -1 to 1 and features of `length` positions."""
    field = scipy.ndimage.gaussian_filter(rng.standard_normal(shape), length, mode="reflect")
    low, high = field.min(), field.max()
    # A field over a single position is flat.
    return np.zeros(shape) if high <= low else 2 * (field - low) / (high - low) - 1


def spread_points(n, shape, rng):
    """n points (row, col) spread over the scan, each the one of several candidates farthest from the rest."""
    size = np.asarray(shape, float)
    points = [rng.random(2) * size]
    for _ in range(n - 1):
        candidates = rng.random((20, 2)) * size
        gaps = np.linalg.norm(candidates[:, None] - np.asarray(points), axis=2).min(axis=1)
        # The scan edge counts as a neighbour at twice the distance, which keeps grains from being slivers
        # there.
        border = 2 * np.minimum(candidates, size - candidates).min(axis=1)
        points.append(candidates[np.argmax(np.minimum(gaps, border + 1e-9))])
    return np.asarray(points) - 0.5


def pair_neighbours(points, n_pairs):
    """Reorder points so that 2i and 2i + 1 are neighbours, for the first `n_pairs` pairs."""
    rest = list(range(len(points)))
    order = []
    for _ in range(n_pairs):
        gaps = np.linalg.norm(points[rest][:, None] - points[rest], axis=2)
        np.fill_diagonal(gaps, np.inf)
        i, j = np.unravel_index(np.argmin(gaps), gaps.shape)
        pair = [rest[i], rest[j]]
        order += pair
        rest = [p for p in rest if p not in pair]
    return points[order + rest]


def film_grains(points, shape, overlap, edge, rng, n_slices=24):
    """Thickness shares of the grains of a film, (n_grains, scan_row, scan_col), summing to 1.

    The film is cut into Voronoi cells in three dimensions, and the share of a grain is the part of the
    column that lies in its cell. With `overlap` 0 the film has no depth and the grains are columns; with 1
    it is twice as thick as the grains are wide, so that most columns cross several grains and boundaries are
    inclined. The probe blurs the shares with a Gaussian of sigma `edge` positions.
    """
    n = len(points)
    depth = 2 * overlap * np.sqrt(shape[0] * shape[1] / n)
    # Sorted heights dealt at random: no two grains share a height, so that none hides another by accident.
    height = (rng.permutation(n) + rng.random(n)) / n * depth
    row, col = np.indices(shape)
    in_plane = (row[..., None] - points[:, 0]) ** 2 + (col[..., None] - points[:, 1]) ** 2
    shares = np.zeros((n, *shape))
    for z in (np.arange(n_slices) + 0.5) / n_slices * depth:
        nearest = np.argmin(in_plane + (z - height) ** 2, axis=-1)
        shares += np.arange(n)[:, None, None] == nearest
    shares /= n_slices
    if edge > 0:
        shares = np.stack([scipy.ndimage.gaussian_filter(s, edge, mode="nearest", truncate=3) for s in shares])
    return shares / shares.sum(axis=0)
