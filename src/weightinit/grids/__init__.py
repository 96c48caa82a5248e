"""Running a function over the cells of a grid, on one core or many, without losing what is done.

Read `run` (a grid and its store), then `pools` (workers, and what happens when one of them dies).
"""

from weightinit.grids.run import product, run_grid

__all__ = ["product", "run_grid"]
