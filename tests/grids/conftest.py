"""Backends with two workers."""

from contextlib import nullcontext

import joblib
import pytest

from tests.grids.support import cells, logged, stored
from weightinit.grids import run_grid


@pytest.fixture(scope="package")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def entered(name, request):
    """Return the context of a backend with two workers."""
    if name == "sequential":
        return nullcontext()
    if name == "dask":
        request.getfixturevalue("client").wait_for_workers(2)  # one may have been killed before
    return joblib.parallel_config(name, n_jobs=2)


@pytest.fixture(params=["sequential", "threading", "loky", "dask"])
def backend(request):
    with entered(request.param, request):
        yield request.param


@pytest.fixture(params=["loky", "dask"])
def processes(request):
    with entered(request.param, request):
        yield request.param


@pytest.fixture
def store(tmp_path):
    """Return the store of a run of cells 0 to 3."""
    run_grid(logged, cells(tmp_path, 4), store=tmp_path / "store")
    assert stored(tmp_path) == [0, 1, 2, 3]
    return tmp_path / "store"
