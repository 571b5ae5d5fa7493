"""DomainMix: a labelled synthetic domain and a real one with pseudo labels, told apart by a discriminator, and no more.

Wang, Liao, Zhao, Kang, Shao, "DomainMix: Learning Generalizable Person Re-Identification Without Human Annotations", 2020
(the first version, in three stages; the code that was published later, for BMVC 2021, labels the real images anew each
epoch). The pseudo labels of the first stage come in from outside; here is the second stage, a classifier and a triplet
loss over the persons of both domains, and the third, in which a discriminator of domains and the backbone that is to
mislead it learn by turns.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging

from reid_jax import distance
from reid_jax.cluster import report
from reid_jax.cluster.centroids import centroids
from reid_jax.cluster.refine import refine
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses import domain
from reid_jax.losses.classify import cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.models.mlp import Head
from reid_jax.types import Array, Aux, Method, Model, Plan, student

SYNTHETIC, REAL = 0, 1  # Records.domain
AGAINST = {"balance": domain.balance, "kl": domain.symmetric_kl}


# (embeddings f32[n d] of length one, the limit of reliability or None in the first epoch) -> (label i[n], the limit)
Labeller = Callable[[np.ndarray, np.float32 | None], tuple[np.ndarray, np.float32]]


class Turns(NamedTuple):
    """Whose turn it is from step `begin` on: of every `cycle` steps `length` are the discriminator's, from `first` on.

    The paper's epochs by turns, the backbone first, are (begin, 2 x iterations, iterations, iterations); its code's one
    batch of ten is (begin, 10, 0, 1).
    """

    begin: int
    cycle: int
    first: int
    length: int

    def third(self, step: Array) -> Array:
        """Whether the third stage has begun."""
        return step >= self.begin

    def judging(self, step: Array) -> Array:
        """Whether it is the discriminator's turn, in which nothing else learns."""
        place = (step - self.begin) % self.cycle
        return self.third(step) & (place >= self.first) & (place < self.first + self.length)


class Weights(NamedTuple):
    """Of the identity loss in the second stage and in the third, and of the domain loss; the paper's (its code's: 10, 1, 1)."""

    identity: float = 10.0
    identity_third: float = 10.0
    domain: float = 1.0


def domainmix(
    model: Model,
    judge: Head,
    *,
    labels: np.ndarray | Labeller,
    means: bool = False,
    room: int = 0,
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
    """DomainMix as a Method: loss = identity x cross-entropy + batch-hard triplet, + domain loss in the backbone's turns.

    Records of domain 0 are the synthetic ones, of domain 1 the real ones, whose persons are never looked at, but for the
    purity in the log where they are known. Who calls it must let the parameters `discriminator` learn in the steps of
    `turns.judging` alone, and the others in the rest.

    judge:  of `models.discriminator.judge`, on the embedding behind the neck.
    labels: pseudo labels of the real images, i[n] in the order of the records, -1 none; or what makes them each morning
        of their embeddings, whereupon their classifiers start at their means. What counts as reliable is a limit that is
        taken in the first morning and kept in `carry`.
    means:  before the first step all classifiers start at the means of their images (neither paper nor code has it).
    room:   pseudo labels that there is a classifier for where they are made anew, no more; 0: a quarter of the real images.
    least, most: images of a label that is kept; most None: no bound.
    persons, per_person: a batch is persons x per_person rows of both domains together; a label with one image gives one
        row, not copies, and more labels fill its place. iterations: batches an epoch.
    smoothing, temperature: see `losses.classify.cross_entropy`. margin: of the triplet loss, None: the soft one.
    other_cameras: a label's further rows in a batch come from other cameras than its first, where it has any (its code).
    against: "balance" or "kl", see `losses.domain`. turns: None: the second stage only (the paper's DirectMix).

    Raises ValueError where no pseudo label is kept, and in `init` where `turns` lack a domain.

    Departs from the paper: its margin has no value there; the code's is the soft one, its temperature 2 in one file. The
    code also counts the first pseudo label as synthetic and makes a new Adam each epoch; here neither.
    """
    if against not in AGAINST:
        raise ValueError(f"against is {against!r}, expected one of {', '.join(AGAINST)}")
    keep = partial(_kept, least=least, most=most)
    classify = partial(cross_entropy, smoothing=smoothing, temperature=temperature)
    fixed = None if callable(labels) else keep(labels, room=len(labels))

    def init(key, records):
        return _start(model, judge, records, fixed, room, turns, key)

    def plan(state, records, see, rng):
        params, limit = state.variables["params"], state.carry["threshold"]
        label, kernel, limit, figures = _morning(records, see, labels, fixed, keep, params["classifier"], limit)
        kernel = _at_means(kernel, label, see) if means and not int(state.step) else kernel
        rows = _draw(label, records.camera if other_cameras else None, persons, per_person, iterations, rng)
        variables = {**state.variables, "params": {**params, "classifier": kernel}}
        carry = {"active": np.array(label.max() + 1, np.int32), "threshold": limit}
        return state._replace(variables=variables, carry=carry), Plan(rows, label, figures)

    def forward(variables, carry, batch, key):
        out, moved = model.apply(student(variables, carry), batch.image[:, 0], True, key, batch.tags)
        domains, judged = judge.apply(
            {name: one["discriminator"] for name, one in variables.items()}, out.embedding, True
        )
        logits = out.embedding @ variables["params"]["classifier"]
        outputs = {"f": out.embedding, "feature": out.feature, "logits": logits, "domains": domains}
        return outputs, {"encoder": moved, "discriminator": judged}

    def loss(outputs, tags, carry, step):
        terms = {
            "classify": classify(outputs["logits"], tags.label, active=carry["active"]),
            "triplet": batch_hard(outputs["feature"], tags.label, margin=margin),
            **_domains(AGAINST[against], outputs["domains"], tags.domain),
        }
        return _total(terms, weights, turns, step), Aux({**terms, **_figures(outputs, tags)})

    return Method(init, plan, forward, loss)


def _draw(label, camera, persons, per_person, steps, rng):
    """The rows of an epoch, [t persons * per_person]."""
    if label.max(initial=-1) + 1 < persons:
        raise ValueError(
            f"a batch asks for {persons} persons and there are {label.max(initial=-1) + 1} of both domains; choose "
            f"--config.persons of at most {label.max(initial=-1) + 1}"
        )
    return sample.filled(label, batch=persons * per_person, per_person=per_person, steps=steps, camera=camera, rng=rng)


def _start(model, judge, records, labels, room, turns, key):
    """(variables, carry) before the first morning."""
    real = records.domain == REAL
    if turns is not None and not (real.any() and not real.all()):
        raise ValueError("a discriminator needs images of both domains, and there are of one only")
    if labels is not None and len(labels) != real.sum():
        raise ValueError(f"{len(labels)} pseudo labels are given and there are {real.sum()} real images")
    classes = int(_synthetic(records).max(initial=-1)) + 1
    classes += (room or max(1, int(real.sum()) // 4)) if labels is None else int(labels.max(initial=-1)) + 1
    to_encoder, to_classifier, to_judge = jax.random.split(key, 3)
    encoder, judging = model.init(to_encoder), judge.init(to_judge)
    names = {*encoder, *judging}
    variables = {name: {"encoder": encoder.get(name, {}), "discriminator": judging.get(name, {})} for name in names}
    variables["params"]["classifier"] = 0.001 * jax.random.normal(to_classifier, (model.width, classes), jnp.float32)
    return variables, {"active": jnp.int32(classes), "threshold": jnp.float32(-1)}  # no limit yet


def _total(terms, weights, turns, step):
    """The loss of the stage, and of whose turn it is."""
    second = weights.identity * terms["classify"] + terms["triplet"]
    if turns is None:
        return second
    third = weights.identity_third * terms["classify"] + terms["triplet"] + weights.domain * terms["domain"]
    return jnp.where(turns.judging(step), terms["discriminator"], jnp.where(turns.third(step), third, second))


def _domains(against, logits, domain):
    """The backbone's loss of the domains, and the discriminator's."""
    told = cross_entropy(logits, domain, smoothing=0.0)
    return {"domain": against(jax.nn.softmax(logits)), "discriminator": told}


def _figures(outputs, tags):
    return {
        "accuracy": (outputs["logits"].argmax(-1) == tags.label).mean(),
        "domain_accuracy": (outputs["domains"].argmax(-1) == tags.domain).mean(),
        "real": (tags.domain == REAL).mean(),
    }


def _morning(records, see, labels, fixed, keep, kernel, limit):
    """(label of each row, the classifiers, the limit of reliability, figures).

    fixed: the real images' labels, or None, then `labels` finds them.
    """
    label, real = _synthetic(records), np.flatnonzero(records.domain == REAL)
    if not len(real):
        return label, kernel, limit, {}
    first, kept = int(label.max(initial=-1)) + 1, fixed
    if kept is None:
        unit = np.asarray(distance.normalise(see(real)))
        kept, limit = labels(unit, None if limit < 0 else limit)
        kept = keep(kept, room=kernel.shape[1] - first)
        kernel = _begun_at(kernel, first, centroids(unit, kept, normalise=True))
    label[real[kept >= 0]] = first + kept[kept >= 0]
    return label, kernel, np.array(limit, np.float32), report.brief(kept, records.person[real])


def _at_means(kernel, label, see):
    """The classifiers of all labels at the means of their images."""
    rows = np.flatnonzero(label >= 0)
    return _begun_at(kernel, 0, centroids(np.asarray(distance.normalise(see(rows))), label[rows], normalise=True))


def _begun_at(kernel, first, mean):
    """`kernel` [d c] with columns from `first` on as the rows of `mean`."""
    kernel = np.array(kernel)
    kernel[:, first : first + len(mean)] = mean.T
    return kernel


def _synthetic(records):
    """Label of each row, i32[n]: the persons of the synthetic data, -1 elsewhere."""
    return columns.relabel(np.where(records.domain == SYNTHETIC, records.person, -1)).astype(np.int32)


def _kept(found, *, least, most, room):
    """The labels that are kept, of the pseudo labels `found`, numbered anew; -1 elsewhere."""
    kept = refine(found, least=least, most=most)
    if len(found) and kept.max() < 0:
        size = np.bincount(found[found >= 0]) if (found >= 0).any() else np.zeros(1, int)
        raise ValueError(
            f"none of the {(size > 0).sum()} pseudo labels of {len(found)} real images has {least} to {most or 'any'} "
            f"images; the largest has {size.max()}, {(size >= 2).sum()} have two or more: a larger eps or a smaller "
            "--config.least keeps more"
        )
    if kept.max(initial=-1) >= room:
        logging.warning("%d pseudo labels and room for %d; the rest is dropped", kept.max() + 1, room)
    return np.where(kept < room, kept, -1)
