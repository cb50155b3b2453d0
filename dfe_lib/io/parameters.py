"""Parameters by name: read from YAML, and checked by name and type before anything uses them."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..errors import UserError, did_you_mean

__all__ = ["Parameter", "check_parameters", "read_parameters"]


@dataclass(frozen=True)
class Parameter:
    """A parameter's committed value, and the types it may have; no types: any."""

    value: object
    kinds: frozenset[type]


def read_parameters(path: Path) -> dict[str, object]:
    """Parameters of a YAML file; none when there is no such file.

    Raises:
        UserError: the file is not a YAML mapping from names to values.
    """
    if not path.exists():
        return {}
    try:
        values = yaml.safe_load(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(
            f"{_short(path)} is not in UTF-8 but in another encoding, such as Latin-1: save it in UTF-8."
        ) from None
    except OSError as error:
        raise UserError(
            f"{_short(path)} cannot be read ({error.strerror}): check the name and its permissions."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date of the month 13 is a ValueError
        raise UserError(f"{_short(path)} is not YAML: {' '.join(str(error).split())[:300]}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise UserError(f"{_short(path)} must hold lines of the form `name: value`.")
    return values


def check_parameters(values: Mapping[str, object], declared: Mapping[str, Parameter], source: str) -> None:
    """Refuse unknown names and wrong types.

    Arguments:
        values: What is to be set.
        declared: What the notebook declares.
        source: Where the values come from, for the message.

    Raises:
        UserError: names the parameter and says what it must be.

    >>> check_parameters({"lr": 1}, {"lr": Parameter(0.5, frozenset({float}))}, "train.yaml")
    >>> check_parameters({"lr": "1e-3"}, {"lr": Parameter(0.5, frozenset({float}))}, "train.yaml")
    Traceback (most recent call last):
    dfe_lib.errors.UserError: train.yaml: lr must be float, not the str '1e-3' (YAML reads 1e-3 as text: write 1.0e-3).
    """
    for name, value in values.items():
        if name not in declared:
            raise UserError(f"{source}: there is no parameter called {name}; {did_you_mean(name, declared)}")
        if not _fits(value, declared[name].kinds):
            wanted = " or ".join(sorted(kind.__name__ for kind in declared[name].kinds))
            got = f"the {type(value).__name__} {reprlib.repr(value)}"  # YAML can nest a value without end
            raise UserError(f"{source}: {name} must be {wanted}, not {got}{_number_hint(value)}.")


def _fits(value: object, kinds: frozenset[type]) -> bool:
    # bool is a subclass of int, and yes would pass for 1; YAML has no tuple.
    passes_for = {int: float, list: tuple}.get(type(value))
    return not kinds or type(value) in kinds or passes_for in kinds


def _number_hint(value: object) -> str:
    if not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return ""
    return " (YAML reads 1e-3 as text: write 1.0e-3)" if "e" in value.lower() else " (take the quotes away)"


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
