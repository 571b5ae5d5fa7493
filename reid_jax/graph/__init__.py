"""A function of pictures as an ONNX graph: traced, translated, made lean, written, run."""
