"""Shared by the tests of workers: a Dask cluster on this machine."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """Run a cluster of two processes, and yield the address of its scheduler."""
    distributed = pytest.importorskip("dask.distributed", reason="the extra cluster is not installed")
    settings = {"distributed.comm.timeouts.connect": "30s", "distributed.worker.memory.terminate": False}
    with (
        pytest.importorskip("dask").config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
    ):
        yield cluster.scheduler_address
