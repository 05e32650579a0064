"""The report of a result: one page of HTML that holds everything it shows; and a walk through it in a notebook."""
