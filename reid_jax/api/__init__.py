"""The Python door: what `import reid_jax` gives by name, made of the layers below."""
