"""The job of `reid-jax watch`: videos and cameras in, the gallery out."""
