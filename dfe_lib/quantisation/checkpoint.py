"""A training run on disk, in one file: it goes on from there to the very same result."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..errors import UserError
from ..io.tables import atomic_path

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    path: str | Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    tensors: dict[str, Tensor],
    facts: dict[str, object],
) -> None:
    """Writes the state of a run, whole or not at all; tensors as safetensors, the rest as JSON in its header.

    Arguments:
        path: File to write.
        model: Its weights and buffers are kept.
        optimiser: Its moments are kept; its learning rate follows from the step.
        generator: Its state is kept.
        tensors: Whatever else the run needs.
        facts: Likewise, as JSON.
    """
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    for i, moments in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{i}.{name}": value for name, value in moments.items()}
    state |= {f"own.{name}": value for name, value in tensors.items()} | {"generator": generator.get_state()}
    state = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    with atomic_path(path) as partial:
        partial.write_bytes(save(state, {"facts": json.dumps(facts)}))


def load_checkpoint(
    path: str | Path, model: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> tuple[dict[str, Tensor], dict]:
    """Puts model, optimiser and generator back into the state of the file; returns its `tensors` and `facts`.

    Raises:
        UserError: The file cannot be read, or is of another model.
    """
    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            facts = json.loads(file.metadata()["facts"])
        model.load_state_dict(_under(state, "model."))
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no checkpoint of this model ({error}); delete it to train anew.") from None
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(state, "optimiser.").items():
        i, key = name.split(".")
        moments.setdefault(int(i), {})[key] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
    generator.set_state(state["generator"])
    return _under(state, "own."), facts


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
