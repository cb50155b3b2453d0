"""A value that weights determine, computed anew only when one of them has changed."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from torch import Tensor

__all__ = ["Remembered"]

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """The last value, with the tensors it was computed from.

    A tensor has changed where it lies elsewhere in memory or was written to in place. What is written through `.data`
    is not noticed.

    >>> import torch
    >>> weight, remembered = torch.ones(2), Remembered()
    >>> [remembered([weight], lambda: weight.sum().item()), remembered([weight], lambda: 0.0)]
    [2.0, 2.0]
    >>> remembered([weight.zero_()], lambda: weight.sum().item())
    0.0
    """

    def __init__(self) -> None:
        self._seen: list[tuple[Tensor, int]] = []  # held, so that nothing else can come to lie in their place
        self._value: Value | None = None

    def __call__(self, tensors: Sequence[Tensor], compute: Callable[[], Value]) -> Value:
        """The value for these tensors."""
        if any(tensor.is_inference() for tensor in tensors):  # these do not say when they were written to
            return compute()
        if self._value is None or not self._same(tensors):
            self._value = compute()
            self._seen = [(tensor.detach(), tensor._version) for tensor in tensors]
        return self._value

    def _same(self, tensors: Sequence[Tensor]) -> bool:
        return len(tensors) == len(self._seen) and all(
            tensor.data_ptr() == held.data_ptr() and tensor._version == version
            for tensor, (held, version) in zip(tensors, self._seen, strict=True)
        )
