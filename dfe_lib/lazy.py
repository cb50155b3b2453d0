"""Public names of a package that are imported when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["importer"]


def importer(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package (PEP 562), for names whose modules are slow to import or need more packages.

    Arguments:
        package: Its `__name__`.
        modules: Module inside the package of each public name.

    >>> importer("dfe_lib", {"UserError": "errors"})("UserError").__name__
    'UserError'
    """

    def __getattr__(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"{package} has no {name!r}; it has {', '.join(sorted(modules))}")
        return getattr(import_module(f".{modules[name]}", package), name)

    return __getattr__
