"""What was to be reached, beside what was."""

from common.tables import markdown_table

__all__ = ["Goals"]


class Goals:
    """Says under every table what was to be reached and what was, and remembers whether anything was missed.

    Parameters
    ----------
    report : callable
        Gets every line.
    quick : bool
        Small sizes: goals about time and memory are shown but not judged.
    """

    def __init__(self, report, quick):
        self.report, self.quick = report, quick
        self.rows, self.passed = [], True

    def __call__(self, what, value, *, least=None, most=None, form="{:.2f}", by_size=True):
        """One goal.

        Parameters
        ----------
        what : str
        value : float
        least, most : float, optional
            One of them: the limit.
        form : str
            How numbers are written.
        by_size : bool
            Whether it holds for scans of full size only.
        """
        reached = value >= least if most is None else value <= most
        judged = not (self.quick and by_size)
        verdict = ("reached" if reached else "MISSED") if judged else "not judged at this size"
        sign, limit = ("at least", least) if most is None else ("at most", most)
        goal, got = f"{sign} {form.format(limit)}", form.format(value)
        self.rows.append([what, goal, got, verdict])
        self.passed &= reached or not judged
        self.report(f"\n**Goal**: {what}: {goal} / **reached**: {got} ({verdict}).")

    def missing(self, what, why):
        """A goal that could not be judged: it is in the table, so that nobody takes it for reached."""
        self.rows.append([what, "-", "-", f"not measured: {why}"])

    def table(self):
        """All goals so far."""
        return markdown_table(["goal", "wanted", "reached", ""], self.rows)
