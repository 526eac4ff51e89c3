"""Build the compiled kernels; without a C compiler the package installs all the same.

On x86-64 there is one library per instruction set, chosen when it is loaded; elsewhere one for the
compiler's default processor. Everything else about the package is in pyproject.toml.
"""

import platform
from pathlib import Path

from setuptools import Extension, setup

FLAGS = [
    "-O2",
    "-g0",
    "-std=gnu11",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
]
FOLDER = Path("src/rnnlab/nn/kernels")
VARIANTS = {"generic": []}
if platform.machine().lower() in {"x86_64", "amd64"}:
    VARIANTS = {
        "avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
        "avx2": ["-march=x86-64-v3"],
    }

setup(
    ext_modules=[
        Extension(
            f"rnnlab.nn.kernels._{name}",
            sources=sorted(str(path) for path in FOLDER.glob("*.c")),
            depends=sorted(str(path) for path in FOLDER.glob("*.h")),
            extra_compile_args=[*FLAGS, *flags],
            libraries=["m"],
            extra_link_args=["-pthread"],
            optional=True,
        )
        for name, flags in VARIANTS.items()
    ],
    options={"build_ext": {"parallel": len(VARIANTS)}},
)
