"""Gradients of a table of which a step reads few rows, and the optimizer's pass over them.

Legend: V rows of the table, D columns, N reads.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from rnnlab.nn import compiled


class _SumRows(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("entries", "columns", "skip", "threads")),
        *((name, ctypes.c_void_p) for name in ("places", "sources", "gradients", "slot")),
        *((name, ctypes.c_void_p) for name in ("rows", "sums", "team")),
    ]


class _MeanRows(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "time", "table_rows", "columns")),
        ("threads", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("places", "lengths", "table", "means", "team")),
    ]


class _AdamRows(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("table_rows", "columns", "count", "threads")),
        *((name, ctypes.c_void_p) for name in ("table", "mean", "square")),
        *((name, ctypes.c_void_p) for name in ("rows", "gradient", "slot")),
        *((name, ctypes.c_double) for name in ("step_size", "shrink", "l2", "beta1", "beta2")),
        *((name, ctypes.c_double) for name in ("correction", "eps")),
        ("team", ctypes.c_void_p),
    ]


def mean_rows(table_VD: Tensor, places_BT: Tensor, lengths_B: Tensor) -> Tensor:
    """Mean [B, D] of the rows of a table that each sequence reads in its first steps.

    Args:
        table_VD: contiguous, as are all.
        places_BT: int64, the row that each step reads.
        lengths_B: int64, the steps that count, at least one.

    Raises:
        IndexError: a row is not in the table.
    """
    means_BD = table_VD.new_empty(len(places_BT), table_VD.shape[1])
    call = _MeanRows(
        batch=len(places_BT),
        time=places_BT.shape[1],
        table_rows=len(table_VD),
        columns=table_VD.shape[1],
        places=places_BT.data_ptr(),
        lengths=lengths_B.data_ptr(),
        table=table_VD.data_ptr(),
        means=means_BD.data_ptr(),
    )
    if compiled.call("rnnlab_mean_rows", call, table_VD):
        raise IndexError(f"a row is not within 0 and {len(table_VD) - 1}")
    return means_BD


def sum_rows(
    places_N: Tensor,
    gradient_MD: Tensor,
    table_rows: int,
    *,
    skip: int,
    sources_N: Tensor | None = None,
) -> Tensor:
    """Gradient of a table [V, D] of which rows were read, as a sparse tensor of distinct rows.

    Args:
        places_N: the row of the table that each read was of.
        gradient_MD: contiguous; of each read, or of several that share one.
        table_rows: V.
        skip: a row that gets no gradient, or -1.
        sources_N: the row of `gradient_MD` for each read; None where each has its own.
    """
    columns = gradient_MD.shape[1]
    most = min(len(places_N), table_rows)
    rows = torch.empty(most, dtype=torch.int64)
    sums = gradient_MD.new_empty(most, columns)
    slot = torch.full((table_rows,), -1, dtype=torch.int32)
    call = _SumRows(
        entries=len(places_N),
        columns=columns,
        skip=skip,
        places=places_N.data_ptr(),
        sources=None if sources_N is None else sources_N.data_ptr(),
        gradients=gradient_MD.data_ptr(),
        slot=slot.data_ptr(),
        rows=rows.data_ptr(),
        sums=sums.data_ptr(),
    )
    count = compiled.call("rnnlab_sum_rows", call, gradient_MD)
    return torch.sparse_coo_tensor(
        rows[:count].unsqueeze(0), sums[:count], (table_rows, columns), check_invariants=False
    )


def sum_by_place(places_N: Tensor, gradient_ND: Tensor, count: int) -> Tensor:
    """Sums [count, D] of the rows that belong to each place, added up in their order.

    Args:
        places_N: int64, from 0 to count - 1.
        gradient_ND: contiguous.
        count: of the places.
    """
    sums = gradient_ND.new_zeros(count, gradient_ND.shape[1])
    slot = torch.arange(count, dtype=torch.int32)
    call = _SumRows(
        entries=len(places_N),
        columns=gradient_ND.shape[1],
        skip=-1,
        places=places_N.data_ptr(),
        gradients=gradient_ND.data_ptr(),
        slot=slot.data_ptr(),
        sums=sums.data_ptr(),
    )
    compiled.call("rnnlab_sum_rows", call, gradient_ND)
    return sums


def adam_rows(
    table_VD: Tensor,
    mean_VD: Tensor,
    square_VD: Tensor,
    gradient: Tensor,
    *,
    step_size: float,
    shrink: float,
    l2: float,
    beta1: float,
    beta2: float,
    correction: float,
    eps: float,
) -> None:
    """One update of Adam in place, from a gradient of `sum_rows`; other rows have zero.

    With g = gradient + l2 table: mean and square decay towards g and g² by beta1 and beta2, and
    table ← shrink table − step_size mean / (√square / correction + eps).
    """
    rows, values = gradient._indices()[0], gradient._values()
    slot = torch.full((len(table_VD),), -1, dtype=torch.int32)
    call = _AdamRows(
        table_rows=len(table_VD),
        columns=table_VD.shape[1],
        count=len(rows),
        table=table_VD.data_ptr(),
        mean=mean_VD.data_ptr(),
        square=square_VD.data_ptr(),
        rows=rows.data_ptr(),
        gradient=values.data_ptr(),
        slot=slot.data_ptr(),
        step_size=step_size,
        shrink=shrink,
        l2=l2,
        beta1=beta1,
        beta2=beta2,
        correction=correction,
        eps=eps,
    )
    compiled.call("rnnlab_adam_rows", call, table_VD)
