"""Libraries that only some components need, and the one line that tells how to get one."""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import Any

from rnnlab.exceptions import UserError


@dataclass(frozen=True)
class Library:
    """An optional library, imported when it is used.

    Attributes:
        name: of its distribution and of its module.
        extra: of this package that brings it.
    """

    name: str
    extra: str

    def version(self) -> str:
        """The installed version; imports nothing.

        Raises:
            UserError: it is not installed.
        """
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError as error:
            raise self._missing() from error

    def load(self, module: str = "") -> Any:
        """Import the library, or its submodule of that dotted name.

        Raises:
            UserError: it is not installed.
        """
        try:
            return importlib.import_module(f"{self.name}.{module}" if module else self.name)
        except ModuleNotFoundError as error:
            raise self._missing() from error

    def _missing(self) -> UserError:
        return UserError(
            f"the library {self.name} is not installed: pip install 'rnnlab[{self.extra}]'"
        )
