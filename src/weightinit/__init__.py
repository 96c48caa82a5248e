"""Signals, initializers, theory and experiments for a course on weight initialization.

The package is organised in floors; a module imports only from the floors below its own.

1. `activations`, `data`, `claims`: functions, images and statements; NumPy only.
2. `theory`, `initializers`, `networks`: what is predicted, and what it is predicted about.
3. `probes`, `curvature`, `training`, `grids`: what is measured, and on how many cores.
4. `describe`, `plotting`: what is shown.

Importing `weightinit` itself loads none of them, so it is instant; import the modules you need:
``from weightinit import networks, probes``.
"""

__version__ = "0.1.0"
