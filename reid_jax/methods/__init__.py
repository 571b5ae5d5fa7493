"""Training methods. Each file has one function that builds a `Method` from an encoder."""
