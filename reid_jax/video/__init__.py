"""Raw video to a data set of crops of people, without jax."""
