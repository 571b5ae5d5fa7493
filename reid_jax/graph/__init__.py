"""An encoder as an ONNX graph.

trace.traced    a function of JAX -> nodes (`primitives`, `windows`: what each primitive is)
lean.made       fewer nodes that compute the same
half.halved     nodes in float16
file.written    nodes -> the bytes of a file
int8.quantised  a file -> one of 8 bits
session.opened  a file -> a function of pictures
"""
