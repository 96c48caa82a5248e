"""Signals, initializers, theory and experiments for a course on weight initialization.

Each folder is one concept. Its ``__init__.py`` is its face: what lives there, which names are
public, and in which order to read the files. A module imports only from lower floors:

6. `keras_parity`, `experiments`, the chapters;
5. `training`;
4. `probes`, `initializers`: what is measured, and how weights start;
3. `networks`, `theory`: what is measured on, and what is predicted;
2. `activations`, `failures`, `grids`, `curvature`, `normalization`, `data`;
1. files with an underscore: checks of arguments, one pass through a model, progress bars, and the
   setting that shifts every seed.

Beside the house stand `plotting` and `claims`: what is shown, and what is said.

Importing `weightinit` itself loads none of them, so it is instant; import the ones you need:
``from weightinit import networks, probes``.
"""

from weightinit import _rerun

_rerun.shift_seeds()  # nothing, unless an environment variable asks for it

__version__ = "0.1.0"
