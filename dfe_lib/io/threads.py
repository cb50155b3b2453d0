"""One thread for small arithmetic: a clip's matrices are too small to share, and waiting for the others costs more."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_numpy_thread", "one_thread", "one_torch_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy and torch use one thread within; what was set before is set again.

    Results then do not depend on the number of cores either. MediaPipe and the decoder have threads of their own.
    """
    with one_torch_thread(), _controller().limit(limits=1, user_api="blas"):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """The same for torch alone, which costs next to nothing."""
    import torch  # here: who only finds faces does without it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_numpy_thread() -> Iterator[None]:
    """The same for NumPy alone, in a process that has loaded no torch and perhaps never does."""
    with _numpys_controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _numpys_controller() -> ThreadpoolController:
    """Another one, for each knows the libraries that were there when it was made."""
    return ThreadpoolController()
