"""One setting that shifts every seed, and one that takes other images: what `make reseed` sets.

It executes the chapters once more, to see which statements hold for other weights, another order of
the images, another split of them, and other choices of learning rates. The settings are environment
variables, read here and nowhere else. Where neither is set, nothing in this file does anything.
"""

import os
import sys
from numbers import Integral

SEED_SHIFT = "WEIGHTINIT_SEED_SHIFT"  # an integer
DATA = "WEIGHTINIT_DATA"  # the images
IMAGES = ("digits", "mnist")
# So far apart that no shifted seed is another seed of the same chapter: those go to a few thousand.
STEP = 1_000_003
SEEDS = 2**32  # as many as NumPy takes


def is_rerun() -> bool:
    """Say whether the environment asks for other seeds or images than the book shows.

    Examples
    --------
    >>> is_rerun()
    False
    """
    return any(os.environ.get(name) for name in (SEED_SHIFT, DATA))


def seed_shift() -> int:
    """Return how many steps all seeds are shifted by; 0 unless set, a ValueError for no integer.

    Examples
    --------
    >>> seed_shift()
    0
    """
    given = os.environ.get(SEED_SHIFT) or "0"
    try:
        return int(given)
    except ValueError:
        raise ValueError(
            f"the environment variable {SEED_SHIFT} must be an integer, such as 1, got {given!r}"
        ) from None


def images() -> str:
    """Return which images the data are made of; a ValueError if there are no such images.

    Examples
    --------
    >>> images()
    'digits'
    """
    given = os.environ.get(DATA) or IMAGES[0]
    if given not in IMAGES:
        allowed = " or ".join(IMAGES)
        raise ValueError(f"the environment variable {DATA} must be {allowed}, got {given!r}")
    return given


def shifted(seed):
    """Return a seed, or a sequence of them, shifted; what is no number, such as None, unchanged.

    Examples
    --------
    >>> shifted(7)  # unless a shift is set
    7
    """
    if isinstance(seed, Integral):
        return (int(seed) + STEP * seed_shift()) % SEEDS
    return [shifted(part) for part in seed] if isinstance(seed, list | tuple) else seed


def shift_seeds() -> None:
    """Replace what takes a seed, in Python, NumPy and PyTorch, by the same with a shifted seed.

    scikit-learn makes its generators of NumPy's. Keras's are shifted where it is loaded.
    """
    if not seed_shift():
        return
    import random

    import numpy as np
    import torch

    _shift_function(random, "seed")
    _shift_function(np.random, "seed")
    _shift_function(np.random, "default_rng")
    _shift_class(np.random, "RandomState", "__init__")
    _shift_function(torch.random, "manual_seed")
    torch.manual_seed = torch.random.manual_seed
    _shift_class(torch, "Generator", "manual_seed")
    torch.manual_seed(torch.initial_seed())  # what is drawn before anyone gives a seed


def shift_keras(keras, tensorflow) -> None:
    """Do the same in Keras, once it is loaded: for its initializers, generators and functions."""
    if not seed_shift():
        return
    # Every draw of Keras takes an integer, or the state of a generator, through this function.
    _shift_function(keras.src.backend.random, "draw_seed")
    generator = keras.random.SeedGenerator
    generator.__init__ = _with_shifted_seed(generator.__init__)
    _shift_function(tensorflow.random, "set_seed")


def note_stored_rows(name: str) -> None:
    """Say in a rerun, where a program finds it, that a cell read rows with the seeds as shown."""
    if is_rerun() and "ipykernel" in sys.modules:
        from IPython.display import publish_display_data

        publish_display_data(
            {"text/plain": f"rows of {name} as stored"}, {"weightinit_stored": name}
        )


def _shift_function(home, name: str) -> None:
    original = getattr(home, name)
    setattr(home, name, lambda seed=None, *args, **kw: original(shifted(seed), *args, **kw))


def _with_shifted_seed(method):
    return lambda self, seed=None, *args, **kw: method(self, shifted(seed), *args, **kw)


def _shift_class(home, name: str, method: str) -> None:
    original = getattr(home, name)

    class Meta(type(original)):
        def __instancecheck__(cls, value) -> bool:
            return isinstance(value, original)  # also those that were made before

    members = {method: _with_shifted_seed(getattr(original, method))}
    members |= {"__module__": home.__name__}  # where it is looked for when it is pickled
    setattr(home, name, Meta(name, (original,), members))
