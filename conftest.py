"""Load the comparison of notebooks for every run of pytest in this project."""

import os

# Waiting threads should sleep. They spin by default, and then one other busy process on the machine
# makes small matrix products tens of times slower. Kernels started by the tests inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

pytest_plugins = ["tests.notebook_numbers"]
