"""What a view can be asked for: one plain function per method, ``f(view, ...) -> answer``, listed in the classes of `views`.

Each checks its arguments before anything is read, hands the matrix of the view to a solver, and builds the answer.
"""
