"""How a worker process begins. It imports nothing of weight: numpy reads how many threads it may have when it is loaded."""

import multiprocessing
import os
import threading

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Of torch and of the libraries that numpy calculates with."""


def begin(workers: int) -> None:
    """Shares the cores with the other ``workers``, unless the environment says how, and ends with the process that asked.

    A later run must find nobody at work, however that process ended.
    """
    if workers > 1:
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // workers)))
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
