"""Running a function over the cells of a grid, on one core or many, without losing what is done.

Read `run` (what a run does), then what it needs: `cells` (the arguments of each call), `pools`
(workers, and what happens when one of them dies), `store` (the file that keeps the results, and its
lock) and `identity` (how a store knows its function).
"""

from weightinit.grids.cells import product
from weightinit.grids.run import run_grid

__all__ = ["product", "run_grid"]
