"""The figures of docs/performance.md: all workloads against all rivals, as JSON on standard output.

    .venv/bin/python -m pip install -c constraints.txt '.[jax]'   # the Flax rival; optional
    .venv/bin/python benchmarks/recurrent.py > performance.json

The same as `rnnlab bench --json`; workloads and rivals are in `src/rnnlab/bench`.
"""

import sys

from rnnlab.cli import main

if __name__ == "__main__":
    sys.argv = ["rnnlab", "bench", "--json", *sys.argv[1:]]
    main()
