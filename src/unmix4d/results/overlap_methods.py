"""What every decomposition says of overlapping components: `overlap` and `composite`."""

from __future__ import annotations

__all__ = ["OverlapMethods"]


class OverlapMethods:
    """Overlap of components, and all of them in one image.

    Attributes
    ----------
    maps_are_memberships : bool
        Of the class: whether maps are shares of a position that sum to one, as those of fuzzy clusters. They are then
        compared as they are, never multiplied by the totals of the patterns.
    """

    maps_are_memberships = False

    def overlap(self, *, thresholds=(0.75, 0.8, 0.85, 0.9, 0.95), background=None, scale="intensity", min_weight="noise"):
        """Where two components are at the same position: second largest over largest weight (Cao 2025, Fig. 5).

        Parameters
        ----------
        thresholds : float or sequence of float
            Ratios between 0 and 1 that areas and figures are made for. Those of the paper find places where two components
            are nearly equal; a thin crystal on a thick one needs lower ones.
        background : None, int, sequence of int or "auto"
            Components that are no partner: direct beam, amorphous support, vacuum. ``"auto"``: those that are spread over
            the scan (`unmix4d.maps.is_spread` says how they are told). None: every component may be a partner.
        scale : {"intensity", "minmax"}
            How maps are made comparable. ``"intensity"``: map x total of its pattern, how many electrons of the position
            each component accounts for. ``"minmax"``: all maps together from 0 to 1, as in the program of the authors; as
            NMF maps have the maximum 1, it compares each component with its own strongest place. Memberships
            (`maps_are_memberships`) are taken as they are.
        min_weight : {"noise", None} or float
            Which weights mean anything: two weights of noise are nearly equal, and would be taken for an overlap.
            ``"noise"``: above three times their standard error (`unmix4d.maps.weight_errors`; of features, by their mean
            squared error) and a thousandth of the maximum of the map. A number: above that fraction of the maximum of the
            map. None or 0: all. For memberships ``"noise"`` is None: they have no error of their own.

        Returns
        -------
        Overlap

        Raises
        ------
        ValueError, TypeError
            When an argument is outside its range, fewer than two components are left beside the background, or the result
            has negative components (svd, pca).

        References
        ----------
        Cao et al., Digital Discovery 4 (2025) 3610, "Overlapping estimation" and Fig. 5; as published with
        ``scale="minmax", min_weight=None``.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> overlap = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).overlap(thresholds=(0.25, 0.5))
        >>> overlap.at(0.5).shape, overlap.areas["threshold"].tolist()
        ((24, 20), [0.25, 0.5])
        """
        from .overlap import find_overlap

        return find_overlap(self, thresholds=thresholds, background=background, scale=scale, min_weight=min_weight)

    def composite(self, components=None, *, scale="each", legend=True, ax=None):
        """All maps in one colour image: a hue for each component, brighter where there is more, mixed where they overlap.

        Components that are spread over the scan (`unmix4d.maps.is_spread`) are grey.

        Parameters
        ----------
        components : sequence of int, optional
            Which to draw; all by default.
        scale : {"each", "intensity"}
            ``"each"``: every map up to its own maximum. ``"intensity"``: as the components scatter, so that faint ones are
            dark.
        legend : bool
            Whether the patterns are drawn beside the image, in frames of their colours. Not with `ax`.
        ax : matplotlib Axes, optional
            For the image alone.

        Returns
        -------
        matplotlib Axes
            Of the image; a line scan has a line for each component instead.

        Raises
        ------
        ValueError
            When there is no such component or scale, or the result has negative components (svd, pca).

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> ax = result.composite(legend=False)
        >>> ax.images[0].get_array().shape
        (6, 8, 3)
        """
        from ..plots import composite as plots_composite

        return plots_composite.composite(self, components, scale=scale, legend=legend, ax=ax)
