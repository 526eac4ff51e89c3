"""Optional libraries: one line where one is missing."""

from __future__ import annotations

import importlib.metadata

import pytest

from rnnlab.exceptions import UserError
from rnnlab.extras import Library


def test_a_library_that_is_here():
    library = Library("numpy", extra="any")
    assert library.version() == importlib.metadata.version("numpy")
    assert library.load("linalg").norm([3, 4]) == 5
    assert library.load().__name__ == "numpy"


@pytest.mark.parametrize("use", [Library.version, Library.load])
def test_a_missing_library_tells_the_remedy(use):
    with pytest.raises(UserError) as refused:
        use(Library("rnnlab-no-such-library", extra="some"))
    assert str(refused.value) == (
        "the library rnnlab-no-such-library is not installed: pip install 'rnnlab[some]'"
    )
