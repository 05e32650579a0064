"""Tables of answers: columns by their names, with units, and the same as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .arrays import frozen_columns

__all__ = ["Table", "to_dataframe"]


class Table(dict[str, np.ndarray]):
    """Read-only dictionary of columns of equal length, which can be passed to `pandas.DataFrame`.

    Parameters
    ----------
    columns : dict of array-like
        The columns by name.
    units : dict of str, optional
        Units of the columns that have one.

    Attributes
    ----------
    units : dict of str
        The unit of every column, an empty string if it has none.

    Examples
    --------
    >>> from unmix4d.core.tables import Table
    >>> table = Table({"grain": [0, 1], "area": [4.0, 9.0]}, {"area": "nm²"})
    >>> table["area"].tolist(), table.units["area"], table.headings
    ([4.0, 9.0], 'nm²', ['grain', 'area (nm²)'])
    """

    units: dict[str, str]

    def __init__(self, columns: Mapping[str, Any], units: Mapping[str, str] | None = None) -> None:
        super().__init__(frozen_columns({name: list(c) if isinstance(c, range) else c for name, c in columns.items()}))
        self.units = {name: (units or {}).get(name, "") for name in self}

    def __reduce__(self):
        return Table, (dict(self), self.units)

    def _refuse(self, *args, **more):
        raise TypeError("a table of a result can be read, not written: dict(table) is a copy that can be written")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    @property
    def headings(self) -> list[str]:
        """The names of the columns with units, such as ``"area (nm²)"``."""
        # The unit of an angle is in its name already.
        return [name if name.endswith("_deg") or not unit else f"{name} ({unit})" for name, unit in self.units.items()]

    def row(self, i: int) -> dict[str, Any]:
        """Return one row as a dictionary, by the names of the columns.

        Examples
        --------
        >>> from unmix4d.core.tables import Table
        >>> Table({"grain": [0, 1]}).row(1) == {"grain": 1}
        True
        """
        return {name: column[i] for name, column in self.items()}

    def to_dataframe(self) -> Any:
        """Return the table as a pandas DataFrame, with units in the names of the columns.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from unmix4d.core.tables import Table
        >>> table = Table({"area": [4.0, 9.0]}, {"area": "nm²"})
        >>> table.headings  # the columns of table.to_dataframe()
        ['area (nm²)']
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                f"to_dataframe needs pandas, which cannot be imported ({error}): pip install pandas, or take the table "
                "itself, which is a dict of columns"
            ) from error
        return pandas.DataFrame(dict(zip(self.headings, self.values())))


def to_dataframe(answer: Any) -> Any:
    """Return the table as a pandas DataFrame, with units in the names of the columns.

    Returns
    -------
    pandas.DataFrame
        One row for each row of ``.table``.

    Raises
    ------
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data, step=2, step_unit="nm").svd(2)
    >>> result.table.headings  # the columns of result.to_dataframe()
    ['component', 'explained']
    """
    return answer.table.to_dataframe()
