"""CycAs: learning without labels, by cycle association of the persons of two frames.

The persons of one frame are matched with those of another, and these with the first ones again;
each person should be matched with itself. The cost grows with the data like that of reading them:
images are not all compared with each other, and none gets a label.

Reference:
    Wang et al., "Generalizable Re-Identification from Videos with Cycle Association" (the journal
    version); the method is that of Wang et al., "CycAs: Self-supervised Cycle Association for
    Learning Re-identifiable Descriptions", ECCV 2020.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.data.pairs import frame_pairs
from reid_jax.losses import associate, xbm
from reid_jax.memory import queue
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    EmbedRows,
    Method,
    Model,
    Outputs,
    Plan,
    Records,
    Tags,
    TrainState,
    Variables,
    joined,
    student,
)

LOSSES = {"relaxed": associate.relaxed, "symmetric": associate.symmetric}


def cycas(
    model: Model,
    *,
    groups: int = 1,
    draw: Callable[..., tuple[np.ndarray, dict[str, float]]] = frame_pairs,
    loss: Callable[..., jax.Array] = associate.relaxed,
    memory: int = 65_536,
    hardest: int = 10,
    weight: float = 1.0,
    shared: bool = False,
    clean: bool = False,
) -> Method:
    """Build CycAs as a Method.

    loss = mean over the groups of (association loss + weight * loss against the queue)

    Args:
        model: the encoder.
        groups: number of independent parts of a batch. Each has two sets of persons and a loss of
            its own. The paper has one group on each of 8 devices; here they are rows of the
            batch, on any number of devices.
        draw: draws the rows of an epoch: `data.pairs.frame_pairs` or
            `data.simulated.simulated_pairs` with its options bound.
        loss: `losses.associate.relaxed` or `symmetric` with its options bound.
        memory: length of a queue of embeddings and their videos; 0: no queue.
        hardest: number of queued embeddings that count as negatives, see `losses.xbm.negatives`.
        weight: of the loss against the queue; the paper does not state it.
        shared: one queue for all groups instead of one for each (the paper does not state which).
        clean: the queue holds embeddings of a second view of the same pictures, which the batch
            must have, made without erasing. They are computed like those of the first view, but
            without a gradient and without a change of the batch statistics. This is not in the
            paper. The idea: an erased picture stays in the queue for long, and embeddings that
            are pushed away from it may be pushed away from the erased area, not from the person.
            It costs one more forward.

    Raises:
        ValueError: in `forward`, if `clean` and the batch has only one view.

    Departs from the paper:
        nowhere that is known.
    """

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        variables = joined(encoder=model.init(key))
        if not memory:
            return variables, {}
        count = 1 if shared else groups
        return variables, jax.tree.map(
            lambda x: jnp.stack([x] * count), queue.empty(memory, model.width)._asdict()
        )

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        rows, report = draw(records, groups=groups, step=int(state.step), rng=rng)
        return state, Plan(rows, np.full(len(records.group), -1, np.int32), report)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        encoder = student(variables, carry)
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        outputs = {"f": distance.normalise(out.embedding)}
        if clean:
            if batch.image.shape[1] < 2:
                raise ValueError(
                    "a queue of clean embeddings needs a second view of each picture, and the "
                    "batch has only one"
                )
            second, _ = model.apply(encoder, batch.image[:, 1], True, key, batch.tags)
            outputs["clean"] = jax.lax.stop_gradient(distance.normalise(second.embedding))
        return outputs, {"encoder": stats}

    def total_loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        f = outputs["f"]
        sets = f.reshape(groups, 2, -1, f.shape[1])
        valid = (tags.index >= 0).reshape(groups, 2, -1)

        def of_group(sets: Array, valid: Array) -> jax.Array:
            return loss(sets[0], sets[1], first_valid=valid[0], second_valid=valid[1])

        terms = {"associate": jax.vmap(of_group)(sets, valid).mean()}
        if not memory:
            return terms["associate"], Aux(terms)
        queues = queue.Queue(**carry)
        count = len(queues.video)
        embedding = f.reshape(count, -1, f.shape[1])
        video = tags.group.reshape(count, -1)

        def of_queue(embedding: Array, video: Array, queued: queue.Queue) -> jax.Array:
            return xbm.negatives(embedding, video, queued.embedding, queued.video, hardest=hardest)

        terms["negatives"] = weight * jax.vmap(of_queue)(embedding, video, queues).mean()
        pushed = outputs["clean"].reshape(embedding.shape) if clean else embedding
        return sum(terms.values()), Aux(terms, jax.lax.stop_gradient((pushed, video)))

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        if not memory:
            return carry
        return jax.vmap(queue.push)(queue.Queue(**carry), *aux.arrays)._asdict()

    return Method(init, plan, forward, total_loss, update, model=model, views=1 + clean)
