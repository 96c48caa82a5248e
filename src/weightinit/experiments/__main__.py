"""Compute whatever the files lack, on all cores of this machine: what `make sweeps` runs."""

import joblib
import torch

from weightinit.experiments.stored import GRIDS, results


def main() -> None:
    """Go through the grids one by one, and say of each when its file is complete."""
    torch.set_num_threads(1)
    with joblib.parallel_config("loky", n_jobs=-1, inner_max_num_threads=1):
        for function in GRIDS:
            results(function)
            print(f"{function.__name__}: all {len(GRIDS[function])} cells are there", flush=True)


if __name__ == "__main__":
    main()
