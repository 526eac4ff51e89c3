"""Memory that a process frees stays with it, or goes back, as asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

# in a process of its own: what other tests have left free would be in the figures
PROGRAM = """
import gc, torch
from rnnlab.nn.process import leave_memory, use_machine
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def rise():
    before = resident()
    buffers = [torch.ones(2**24) for _ in range(4)]  # of 64 MiB each
    del buffers
    gc.collect()
    return resident() - before

start = resident()
use_machine(1)
print(rise())
leave_memory()
print(resident() - start)
print(rise())
use_machine(1)
print(rise())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_kept_and_left():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    kept, still_held, left, kept_again = map(int, done.stdout.split())
    assert kept > 200 * 2**20
    assert still_held < 50 * 2**20
    assert left < 50 * 2**20
    assert kept_again > 200 * 2**20
