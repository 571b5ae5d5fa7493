"""DomainMix: training on a labelled synthetic domain and on a real one with pseudo labels.

This file has the second stage, a classifier and a triplet loss over the persons of both domains,
and the third, in which a discriminator of domains and the backbone, which is trained to make it
fail, learn alternately. The pseudo labels of the first stage are an argument.

Reference:
    Wang, Liao, Zhao, Kang, Shao, "DomainMix: Learning Generalizable Person Re-Identification
    Without Human Annotations", 2020 (the first version, in three stages; the code that was
    published later, for BMVC 2021, labels the real images anew in each epoch).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.clustering import report
from reid_jax.clustering.centroids import centroids
from reid_jax.clustering.refine import refine, within
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses import domain
from reid_jax.losses.classify import cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.models.mlp import Head
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    Domain,
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
    part_of,
    student,
)

AGAINST = {"balance": domain.balance, "kl": domain.symmetric_kl}

# (embeddings f32[n d] of length one, the threshold of reliability, None in the first epoch)
# -> (label i[n], the threshold)
Labeller = Callable[[np.ndarray, np.float32 | None], tuple[np.ndarray, np.float32]]


class Turns(NamedTuple):
    """The steps in which the discriminator learns; in the other steps all else learns.

    Alternating epochs, the backbone first, as in the paper, are (begin, 2 x iterations,
    iterations, iterations). One batch of ten, as in its code, is (begin, 10, 0, 1).

    Attributes:
        begin: the third stage's first step; before it the discriminator does not learn.
        cycle: steps of a cycle.
        first: first step of the discriminator in a cycle.
        length: number of steps of the discriminator in a cycle.
    """

    begin: int
    cycle: int
    first: int
    length: int

    def third(self, step: Array) -> Array:
        """Return whether the third stage has begun."""
        return step >= self.begin

    def judging(self, step: Array) -> Array:
        """Return whether the discriminator learns, and nothing else."""
        place = (step - self.begin) % self.cycle
        return self.third(step) & (place >= self.first) & (place < self.first + self.length)


class Weights(NamedTuple):
    """Weights of the losses; the defaults are the paper's, its code has 10, 1, 1.

    Attributes:
        identity: of the cross-entropy in the second stage.
        identity_third: of the cross-entropy in the third stage.
        domain: of the domain loss.
    """

    identity: float = 10.0
    identity_third: float = 10.0
    domain: float = 1.0


def domainmix(
    model: Model,
    judge: Head,
    *,
    labels: np.ndarray | Labeller,
    means: bool = False,
    capacity: int = 0,
    least: int = 5,
    most: int | None = 120,
    persons: int = 16,
    per_person: int = 4,
    iterations: int = 2000,
    smoothing: float = 0.0,
    temperature: float = 1.0,
    margin: float | None = None,
    against: str = "balance",
    weights: Weights = Weights(),  # noqa: B008, a tuple
    turns: Turns | None = None,
    other_cameras: bool = True,
) -> Method:
    """Build DomainMix as a Method.

    stage 2: loss = identity * cross-entropy + batch-hard triplet loss
    stage 3: loss = identity_third * cross-entropy + batch-hard triplet loss + domain * domain loss,
             or in the discriminator's steps its cross-entropy

    Records of Domain.LABELLED are the synthetic ones, those of Domain.UNLABELLED the real ones,
    whose persons are not used, except for the purity in the report where they are known. The
    optimiser must change the parameters `discriminator` in the steps of `turns.judging` only, and
    the others in the other steps only.

    Args:
        model: the encoder.
        judge: of `models.discriminator.judge`, applied to the embedding behind the neck.
        labels: pseudo labels of the real images, i[n] in the order of the records, -1 for none; or
            a function that computes them at the start of each epoch, whose classifiers then start
            at the labels' means. The first epoch's threshold of reliability is kept in the carry.
        means: all classifiers start at the means of their images (in neither paper nor code).
        capacity: computed pseudo labels, the rest is dropped; 0: a quarter of the real images.
        least: a pseudo label with fewer images is dropped.
        most: a pseudo label with more images is dropped; None: no bound.
        persons: P, a batch is P x K rows of both domains together.
        per_person: K. A label with one image gives one row; its batch then has more labels.
        iterations: batches of an epoch.
        smoothing: see `losses.classify.cross_entropy`.
        temperature: see `losses.classify.cross_entropy`.
        margin: of the triplet loss, None: the soft margin.
        against: the domain loss, "balance" or "kl", see `losses.domain`.
        weights: of the losses.
        turns: None: the second stage only (the paper's DirectMix).
        other_cameras: the further rows of a label in a batch are from other cameras than its
            first row, if the label has any (as in its code).

    Raises:
        ValueError: `against` is unknown; no pseudo label is kept; in `init`: `turns` and only one
            domain, or `labels` of another length than the real images.

    Departs from the paper:
        the paper does not state its margin; the code's is soft, and one file has temperature 2.
        The code also counts the first pseudo label as synthetic and makes a new Adam in each
        epoch; this does neither.
    """
    if against not in AGAINST:
        raise ValueError(f"against is {against!r}, expected one of {', '.join(AGAINST)}")
    keep = partial(_keep, least=least, most=most)
    classify = partial(cross_entropy, smoothing=smoothing, temperature=temperature)
    if not callable(labels):
        labels = keep(labels, capacity=len(labels))

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        real = records.domain == Domain.UNLABELLED
        if turns is not None and not (real.any() and not real.all()):
            raise ValueError("a discriminator needs images of both domains, and there is only one")
        if callable(labels):
            pseudo = capacity or max(1, int(real.sum()) // 4)
        elif len(labels) == real.sum():
            pseudo = int(labels.max(initial=-1)) + 1
        else:
            raise ValueError(
                f"{len(labels)} pseudo labels are given and there are {real.sum()} real images"
            )
        classes = int(_synthetic(records).max(initial=-1)) + 1 + pseudo
        to_encoder, to_classifier, to_judge = jax.random.split(key, 3)
        encoder, judging = model.init(to_encoder), judge.init(to_judge)
        empty: Variables = {name: {} for name in (*encoder, *judging)}  # what one of them lacks
        variables = joined(encoder={**empty, **encoder}, discriminator={**empty, **judging})
        variables["params"]["classifier"] = 0.001 * jax.random.normal(
            to_classifier, (model.width, classes), jnp.float32
        )
        # A threshold below 0 is not computed yet.
        return variables, {"active": jnp.int32(classes), "threshold": jnp.float32(-1)}

    def draw(records: Records, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The rows of an epoch, i32[t b]."""
        present = label.max(initial=-1) + 1
        if present < persons:
            raise ValueError(
                f"a batch asks for {persons} persons and there are {present} of both domains; "
                f"choose `persons` of at most {present}"
            )
        return sample.filled(
            label,
            batch=persons * per_person,
            per_person=per_person,
            steps=iterations,
            camera=records.camera if other_cameras else None,
            rng=rng,
        )

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        params, threshold = state.variables["params"], state.carry["threshold"]
        kernel, figures = params["classifier"], {}
        label, real = _synthetic(records), np.flatnonzero(records.domain == Domain.UNLABELLED)
        if len(real):
            first, pseudo = int(label.max(initial=-1)) + 1, labels
            if callable(pseudo):
                unit = distance.unit(embed(real))
                pseudo, threshold = pseudo(unit, None if threshold < 0 else threshold)
                pseudo = keep(pseudo, capacity=kernel.shape[1] - first)
                kernel = _filled(kernel, first, centroids(unit, pseudo, normalise=True))
            label[real[pseudo >= 0]] = first + pseudo[pseudo >= 0]
            threshold = np.array(threshold, np.float32)
            figures = report.brief(pseudo, records.person[real])
        if means and not int(state.step):
            rows = np.flatnonzero(label >= 0)
            unit = distance.unit(embed(rows))
            kernel = _filled(kernel, 0, centroids(unit, label[rows], normalise=True))
        rows = draw(records, label, rng)
        variables = {**state.variables, "params": {**params, "classifier": kernel}}
        carry = {"active": np.array(label.max() + 1, np.int32), "threshold": threshold}
        return state._replace(variables=variables, carry=carry), Plan(rows, label, figures)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        encoder, judging = student(variables, carry), part_of(variables, "discriminator")
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        domains, judge_stats = judge.apply(judging, out.embedding, True)
        logits = out.embedding @ variables["params"]["classifier"]
        outputs = {"f": out.embedding, "feature": out.feature, "logits": logits, "domains": domains}
        return outputs, {"encoder": stats, "discriminator": judge_stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        domains = outputs["domains"]
        terms = {
            "classify": classify(outputs["logits"], tags.label, active=carry["active"]),
            "triplet": batch_hard(outputs["feature"], tags.label, margin=margin),
            "domain": AGAINST[against](jax.nn.softmax(domains)),
            "discriminator": cross_entropy(domains, tags.domain, smoothing=0.0),
        }
        return _total(terms, weights, turns, step), Aux({**terms, **_figures(outputs, tags)})

    return Method(init, plan, forward, loss, model=model)


def _total(terms: dict[str, Array], weights: Weights, turns: Turns | None, step: Array) -> Array:
    """The loss of the step's stage, or in the discriminator's steps its own."""
    second = weights.identity * terms["classify"] + terms["triplet"]
    if turns is None:
        return second
    third = weights.identity_third * terms["classify"] + terms["triplet"]
    third = third + weights.domain * terms["domain"]
    backbone = jnp.where(turns.third(step), third, second)
    return jnp.where(turns.judging(step), terms["discriminator"], backbone)


def _figures(outputs: Outputs, tags: Tags) -> dict[str, Array]:
    return {
        "accuracy": (outputs["logits"].argmax(-1) == tags.label).mean(),
        "domain_accuracy": (outputs["domains"].argmax(-1) == tags.domain).mean(),
        "real": (tags.domain == Domain.UNLABELLED).mean(),
    }


def _filled(kernel: np.ndarray, first: int, mean: np.ndarray) -> np.ndarray:
    """A copy of the classifiers, [d c], with the rows of `mean` as columns from `first` on."""
    kernel = np.array(kernel)
    kernel[:, first : first + len(mean)] = mean.T
    return kernel


def _synthetic(records: Records) -> np.ndarray:
    """Label of each row, i32[n]: the persons of the synthetic data, -1 elsewhere."""
    synthetic = records.domain == Domain.LABELLED
    return columns.relabel(np.where(synthetic, records.person, -1)).astype(np.int32)


def _keep(labels: np.ndarray, *, least: int, most: int | None, capacity: int) -> np.ndarray:
    """The pseudo labels that are kept, numbered anew; -1 elsewhere."""
    kept = refine(labels, least=least, most=most)
    if len(labels) and kept.max() < 0:
        size = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(1, int)
        raise ValueError(
            f"none of the {(size > 0).sum()} pseudo labels of {len(labels)} real images has "
            f"{least} to {most or 'any'} images; the largest has {size.max()}, "
            f"{(size >= 2).sum()} have two or more: a larger eps or a smaller `least` "
            "keeps more"
        )
    return within(kept, capacity, what="pseudo labels")
