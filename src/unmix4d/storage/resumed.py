"""``checkpoint=`` of a call: the file of this very run, and the seed that it was begun with."""

from __future__ import annotations

from .checkpoint import CheckpointFile

__all__ = ["resumed"]

_NOT_ASKED_FOR = ("random_state", "versions", "passes")  # of the settings: what may differ, or is looked at on its own


def resumed(checkpoint, kind, call: str, settings, random_state, *, free=(), **more):
    """What a run keeps, and its settings with the seed of the file.

    Parameters
    ----------
    checkpoint : str, path-like or None
        None keeps nothing.
    kind : type
        A `Resume`.
    call : str
        What was called.
    settings : dict
        The record of the run.
    random_state : int or None
        As it was given: None takes the seed of the file.
    free : sequence of str
        Settings that may be others than those the file was begun with.
    **more
        What distinguishes the run beside its settings, in JSON types.

    Returns
    -------
    resume : kind or None
    settings : dict

    Raises
    ------
    ValueError, OSError, TypeError
        When the file is of another run, or is none; see `CheckpointFile`.
    """
    if checkpoint is None:
        return None, settings
    key = {name: value for name, value in settings.items() if name not in (*_NOT_ASKED_FOR, *free)}
    file, seed = CheckpointFile(checkpoint, {"call": call, **key, **more}), settings["random_state"]
    begun = file.get("seed")
    if begun is None:
        file.put("seed", {}, {"random_state": seed})
        return kind(file), settings
    begun = begun[1]["random_state"]
    if random_state is not None and begun != seed:
        raise ValueError(
            f"checkpoint must be of this run, but {file.path!r} was begun with random_state={begun}, not {seed}; give that, "
            "or another name, or delete the file"
        )
    return kind(file), {**settings, "random_state": begun}
