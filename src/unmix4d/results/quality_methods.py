"""What every decomposition says of its quality: `pattern_similarity` and `report_quality`."""

from __future__ import annotations

__all__ = ["QualityMethods"]


class QualityMethods:
    """Component patterns compared with each other, and with the raw patterns they stand for."""

    def pattern_similarity(self, metric: str = "ssim", *, scale: str = "linear"):
        """One metric of likeness between all pairs of component patterns (Cao 2025, Fig. 3).

        Parameters
        ----------
        metric : {"ssim", "psnr", "gmsd", "mdsi", "cross_correlation"}
            See `unmix4d.image_quality`. SSIM, PSNR and cross-correlation are higher, GMSD and MDSI lower for patterns that
            are alike.
        scale : {"linear", "sqrt"}
            ``"sqrt"`` compares square roots of intensities, on which weak spots count, and not the brightest ones alone.

        Returns
        -------
        PatternSimilarity
            ``.matrix`` (k, k), ``.pairs``, ``.most_similar``, ``.plot()``.

        Raises
        ------
        ValueError
            When an argument is none of these words, or patterns are smaller than 7 x 7 pixels.

        Notes
        -----
        An empty background is alike in all patterns, which raises SSIM above all: exclude what holds no signal with
        ``prepare(annulus=...)``. Excluded pixels have no part in it. A strong pattern and a weak copy of it are not alike
        for any metric but the cross-correlation.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
        >>> result.pattern_similarity("cross_correlation", scale="sqrt").matrix.shape
        (3, 3)
        """
        from .quality import pattern_similarity

        return pattern_similarity(self, metric, scale)

    def report_quality(self, *, scale: str = "linear"):
        """Back to the raw data: per component the mean raw pattern, its reconstruction, and how alike they are.

        The labels are those of `labels`, the strongest component of each position; one pass over the scan.

        Parameters
        ----------
        scale : {"linear", "sqrt"}
            ``"sqrt"`` compares square roots of intensities.

        Returns
        -------
        QualityReport
            ``.table`` (a dict of columns), ``.raw``, ``.reconstruction``, ``.largest``, ``.plot()``.

        Raises
        ------
        ValueError
            When the result was loaded without its data, or patterns are smaller than 7 x 7 pixels.

        Notes
        -----
        Means over many positions hide what the fit misses in single ones, and are close to the reconstruction even where k
        is far too small: see `residual_map` for that.

        References
        ----------
        Cao et al. (2025), Fig. 4.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
        >>> sorted(result.report_quality().table)[:4]
        ['component', 'cross_correlation', 'cross_correlation_largest', 'data_range']
        """
        from .quality import report_quality

        return report_quality(self, scale)
