"""CycAs: no labels; the persons of one frame are to be found in another and, from there, to find back to themselves.

Wang et al., "Generalizable Re-Identification from Videos with Cycle Association" (the journal version; the method is of
Wang et al., "CycAs: Self-supervised Cycle Association for Learning Re-identifiable Descriptions", ECCV 2020). Its cost grows
with the data as that of reading them: no image is compared with all others, and none is given a label.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.carry import queue
from reid_jax.data.pairs import frame_pairs
from reid_jax.losses import associate, xbm
from reid_jax.types import Aux, Method, Model, Plan

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
    """CycAs as a Method: the association loss of each group of rows, and `weight` times that of its memory.

    groups: parts of a batch that know nothing of each other: two sets of persons each, a loss of each, of which the mean is
        taken. The paper has one on each of 8 devices; here they are rows of the batch, on however many devices.
    draw: the rows of an epoch, `data.pairs.frame_pairs` or `data.simulated.simulated_pairs` with its options bound.
    loss: `losses.associate.relaxed` or `symmetric`, with its options bound.
    memory: embeddings that a queue keeps, with their videos; 0: no queue. hardest: of them that count, see
        `losses.xbm.negatives`. weight: the paper does not tell it.
    shared: one queue for all groups, instead of one for each (the paper does not tell which).
    clean: the queue holds the embeddings of a second view of the same pictures, which the batch has then, made without erasing:
        they are what they would be as embeddings of the first, but without a gradient and without moving statistics. Not in
        the paper but an idea: whoever is pushed away from a picture with a hole, for as long as it stays in the queue, may be
        pushed away from the hole. Costs one more forward.

    Raises: ValueError where `clean` finds one view alone.

    Departs from the paper: nowhere that is known.
    """

    def init(key, records):
        variables = {name: {"encoder": collection} for name, collection in model.init(key).items()}
        if not memory:
            return variables, {}
        count = 1 if shared else groups
        return variables, jax.tree.map(lambda x: jnp.stack([x] * count), queue.empty(memory, model.width)._asdict())

    def plan(state, records, see, rng):
        rows, figures = draw(records, groups=groups, step=int(state.step), rng=rng)
        return state, Plan(rows, np.full(len(records.group), -1, np.int32), figures)

    def forward(variables, carry, batch, key):
        encoder = {name: collection["encoder"] for name, collection in variables.items()}
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        outputs = {"f": distance.normalise(out.embedding)}
        if clean:
            if batch.image.shape[1] < 2:
                raise ValueError(
                    "a queue of clean embeddings needs a second view of each picture, which the batch lacks"
                )
            plain, _ = model.apply(encoder, batch.image[:, 1], True, key, batch.tags)
            outputs["clean"] = jax.lax.stop_gradient(distance.normalise(plain.embedding))
        return outputs, {"encoder": stats}

    def judge(outputs, tags, carry, step):
        f = outputs["f"]
        sets = f.reshape(groups, 2, -1, f.shape[1])
        there = (tags.index >= 0).reshape(groups, 2, -1)

        def walk(two, here):
            return loss(two[0], two[1], first_there=here[0], second_there=here[1])

        terms = {"associate": jax.vmap(walk)(sets, there).mean()}
        if not memory:
            return terms["associate"], Aux(terms)
        kept, queues = queue.Queue(**carry), len(carry["video"])
        moved = f.reshape(queues, -1, f.shape[1]), tags.group.reshape(queues, -1)

        def apart(embedding, video, earlier):
            return xbm.negatives(embedding, video, earlier.embedding, earlier.video, hardest=hardest)

        terms["negatives"] = weight * jax.vmap(apart)(*moved, kept).mean()
        later = outputs["clean"].reshape(moved[0].shape) if clean else moved[0]
        return sum(terms.values()), Aux(terms, jax.lax.stop_gradient((later, moved[1])))

    def update(carry, variables, aux):
        return jax.vmap(queue.push)(queue.Queue(**carry), *aux.moved)._asdict() if memory else carry

    return Method(init, plan, forward, judge, update)
