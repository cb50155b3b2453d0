"""One thread for small arithmetic: a clip's matrices are too small to share, and waiting for the others costs more."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy and torch use one thread within; what was set before is set again.

    Results then do not depend on the number of cores either. MediaPipe and the decoder have threads of their own.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads)


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
