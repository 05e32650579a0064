"""What the components of a method are, so that nothing else has to know the names of methods."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Meaning"]


@dataclass(frozen=True)
class Meaning:
    """What the components of a method are; the method that makes them says it.

    Attributes
    ----------
    label : str
        The method in words.
    signed : bool
        Patterns have both signs: they are not diffraction patterns.
    signed_maps : bool
        Maps have both signs too: they do not say how much there is of a component.
    shares_of : str
        Of what `Decomposition.explained` are shares.
    centred : bool
        The mean pattern was taken off before, and every position has it in addition.
    memberships : bool
        Maps are shares of a position that add up to one, which are compared as they are.
    """

    label: str = ""
    signed: bool = False
    signed_maps: bool = False
    shares_of: str = "intensity"
    centred: bool = False
    memberships: bool = False

    @property
    def component(self) -> str:
        """What a component is called."""
        return "cluster" if self.memberships else "component"

    @property
    def share(self) -> str:
        """What a map shows."""
        return "membership" if self.memberships else "weight" if self.signed else "share of the intensity"
