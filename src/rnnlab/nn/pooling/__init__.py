"""Ways to make one vector of a sequence, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its numbers change
    NEEDS_ENCODER: bool             whether it reads the encoder's final state
    def build(size: int) -> nn.Module
        whose forward takes (outputs_BTH, final_BH, mask_BT) and returns float[B, H];
        mask is true at real tokens, every sequence has at least one, and H = size.

and, for what can be exported,

    def onnx(graph, pool, outputs_BTH, final_BH, mask_BT) -> str
        which adds the same to a `rnnlab.onnx_graph.Graph` and returns the result's name.
"""
