"""A graph of ONNX operators, written one operator after the other. Needs the library onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.exceptions import UserError

OPSET = 18
IR_VERSION = 10

_MOST_BYTES = 2**31 - 2**20


class Graph:
    """Operators and constants so far; a value is known by its name."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._count = 0

    def constant(self, array: npt.ArrayLike) -> str:
        """Add an array; its name is returned."""
        from onnx import numpy_helper

        name = self._name("constant")
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def integers(self, *values: int) -> str:
        """Add int64 numbers as a vector."""
        return self.constant(np.array(values, np.int64))

    def apply(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output, whose name is returned; "" leaves an input out."""
        return self.apply_many(operator, 1, *inputs, **attributes)[0]

    def apply_many(
        self, operator: str, outputs: int, *inputs: str, **attributes: Any
    ) -> tuple[str, ...]:
        """Add an operator with several outputs."""
        from onnx import helper

        names = tuple(self._name(operator) for _ in range(outputs))
        node = helper.make_node(operator, inputs, names, name=self._name("node"), **attributes)
        self._nodes.append(node)
        return names

    def linear(self, value: str, layer: Any) -> str:
        """Apply a torch.nn.Linear to the last axis."""
        weight = layer.weight.detach().numpy()
        product = self.apply("MatMul", value, self.constant(weight.T))
        if layer.bias is None:
            return product
        return self.apply("Add", product, self.constant(layer.bias.detach().numpy()))

    def serialize(self, outputs: dict[str, str], metadata: dict[str, str]) -> bytes:
        """Return the model file: `tokens` int64[batch, time] and `lengths` int64[batch] in,
        float32[batch, ...] out.

        Args:
            outputs: value by the name that it gets.
            metadata: short texts that travel in the file.

        Raises:
            UserError: the constants are too many for one file.
        """
        from onnx import TensorProto, checker, helper

        if sum(len(constant.raw_data) for constant in self._constants) > _MOST_BYTES:
            raise UserError("the model is too large for one ONNX file, which holds at most 2 GB")
        for name, value in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [name], name=f"give_{name}"))
        inputs = [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "time"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
        ]
        given = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", f"{name}_width"])
            for name in outputs
        ]
        graph = helper.make_graph(self._nodes, "rnnlab", inputs, given, self._constants)
        model = helper.make_model(
            graph,
            producer_name="rnnlab",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        helper.set_model_props(model, metadata)
        checker.check_model(model)
        return model.SerializeToString()

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind.lower()}_{self._count}"
