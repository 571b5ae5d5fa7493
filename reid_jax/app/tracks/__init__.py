"""What `reid-jax track` does: films, what is seen in them, tracks, pictures and tables of those."""
