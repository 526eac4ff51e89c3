"""A trained classifier as a folder that runs with onnxruntime alone.

`predictor` and what it imports need neither torch nor onnx; the other modules make exports.
"""
