"""An encoder as an ONNX graph: traced, translated, made lean, written, run by onnxruntime.

    trace.traced    a function of JAX -> nodes (`primitives`, `windows`: what each primitive is)
    lean.made       fewer nodes that compute the same
    file.written    nodes -> the bytes of a file
    smaller         a file in fp16, or in int8
    session.opened  a file -> a function of pictures
"""
