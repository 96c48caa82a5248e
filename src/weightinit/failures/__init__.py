"""Which tensor stopped being finite first, and where.

`first_failure` looks at every operation of one forward and backward pass, `Watch` at those of any
code, and both return a `Failure`: the report.

Read `failure` (the report), `watch` (the two ways to get one), `origins` (where every infinity came
from), then `operations` (what an operation reads and writes) and `place` (which module is running).
"""

from weightinit.failures.failure import Failure
from weightinit.failures.watch import Watch, first_failure

__all__ = ["Failure", "Watch", "first_failure"]
