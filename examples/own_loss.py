"""A loss of one's own in a method of the house: a method is a tuple of functions, replace one.

Here: cosines of different persons in a batch are pushed below 0, beside the losses of `ide`.
"""

import jax
import jax.numpy as jnp

import reid_jax
from reid_jax.types import Array, Aux, Method


def apart(embedding: Array, label: Array) -> Array:
    """Mean of max(cosine, 0) over the pairs of different persons."""
    unit = embedding / jnp.linalg.norm(embedding, axis=1, keepdims=True).clip(1e-12)
    other = label[:, None] != label[None, :]
    return jnp.where(other, jax.nn.relu(unit @ unit.T), 0).sum() / other.sum().clip(1)


def with_apart(base: Method, weight: float = 1.0) -> Method:
    """The method with that loss added; it sees the whole batch, whatever the number of devices."""

    def loss(outputs: dict, tags: object, carry: object, step: Array) -> tuple[Array, Aux]:
        value, aux = base.loss(outputs, tags, carry, step)
        term = weight * apart(outputs["f"], tags.label)
        return value + term, aux._replace(metrics={**aux.metrics, "apart": term})

    return base._replace(loss=loss)


def main(epochs: int = 3) -> list[float]:
    """Train a little with it; the new loss by epoch."""
    people = reid_jax.synthetic.labelled(persons=12, cameras=2, size=(64, 32))
    base = reid_jax.ide(reid_jax.build(size="64x32"), persons=4, per_person=4)
    return [m.metrics["apart"] for m in reid_jax.fit(with_apart(base), people, epochs=epochs)]


if __name__ == "__main__":
    print(main())
