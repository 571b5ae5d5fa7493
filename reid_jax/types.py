"""The records that all layers share, and the contract of a training method as types."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = Any  # np.ndarray on the host, jax.Array on devices
Variables = Mapping[str, Any]  # linen's collections: params, batch_stats
Outputs = Mapping[str, Array]  # what `forward` computed, by name; every leaf is [b ...]
Carry = Any  # the state that a method owns, a pytree of arrays


class Images(Protocol):
    """Where the pictures of a data set are: one item per row, readable in any order, picklable.

    An item is a path (str), the bytes of an encoded picture, or pixels (uint8 [h w 3], RGB).
    """

    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> "str | bytes | np.ndarray": ...
    def take(self, rows: np.ndarray, /) -> Any:
        """The `Images` of some rows."""


class Domain(IntEnum):
    """LABELLED is the multi-camera, source or synthetic data; UNLABELLED videos, target or real."""

    LABELLED = 0
    UNLABELLED = 1


class Records(NamedTuple):
    """A data set as columns. Row i of every column is one picture; i is its `index` for life.

    Attributes:
        image: Images, n items.
        person: i32[n], the identity that the data set gives; 0 is a distractor (gallery only),
            -1 is unknown.
        camera: i32[n], -1 where unknown.
        domain: i32[n], a `Domain`.
        group: i32[n], the video, track or frame pair that the picture came from, -1 where there is
            none. Several cameras with one group are synchronised views of one scene.
        split: <U7[n], "train", "query" or "gallery".
        frame: i32[n], the number of the video's frame, the same moment in all cameras of a group;
            -1 where unknown.
        shot: i32[n], which of its group's shots (what lies between two cuts) the picture is of;
            -1 where unknown.
    """

    image: Images
    person: np.ndarray
    camera: np.ndarray
    domain: np.ndarray
    group: np.ndarray
    split: np.ndarray
    frame: np.ndarray
    shot: np.ndarray


class Tags(NamedTuple):
    """What is known of each row of a batch. All are -1 in a place that a plan leaves empty.

    Attributes:
        label: i32[b], the row's class in this epoch; -1 is ignored.
        index: i32[b], the row of Records.
        camera, domain, group: i32[b], as in Records.
    """

    label: Array
    index: Array
    camera: Array
    domain: Array
    group: Array


class Batch(NamedTuple):
    """What a training step gets: image, uint8 or f32 [b v h w 3], v views of each row; tags."""

    image: Array
    tags: Tags


class Plan(NamedTuple):
    """One epoch, decided at its start.

    Attributes:
        rows: i32[t b], the rows of Records that step t trains on. -1 leaves a place empty: its
            picture is black and all its tags are -1.
        label: i32[n], this epoch's label of each row of Records; -1 is ignored.
        report: figures about the plan, which are logged with the epoch's metrics.
        reset_optimiser: the optimiser starts this epoch from its first state.
    """

    rows: np.ndarray
    label: np.ndarray
    report: Mapping[str, float]
    reset_optimiser: bool = False


class Aux(NamedTuple):
    """What a loss gives beside its value: metrics, scalars to log; arrays that `update` needs."""

    metrics: Mapping[str, Array]
    arrays: Any = ()


class TrainState(NamedTuple):
    """All that survives a step, a pytree.

    Attributes:
        step: i32[], steps since the run began.
        variables: the method's, params and batch_stats.
        opt: optax's state.
        carry: the state that the method owns.
    """

    step: Array
    variables: Variables
    opt: Any
    carry: Carry


class Embedded(NamedTuple):
    """What an encoder computes of a batch.

    Attributes:
        feature: f32[b d], before the neck.
        embedding: f32[b d], behind the neck; retrieval compares it.
        aside: further outputs of layers, arrays [b ...] by name, for losses; in training only.
    """

    feature: Array
    embedding: Array
    aside: Mapping[str, Array] | tuple[()] = ()


class Input(NamedTuple):
    """The pictures that an encoder takes; it is kept with the weights.

    Attributes:
        size: (height, width) in pixels.
        mean: of the three channels, of pixels in [0, 1]; it is subtracted.
        std: of the three channels; the difference is divided by it.
        channels: of the trained weights; pictures come as RGB and are turned where it is "BGR".
        resize: how pictures are resized, see `data.augment.resize`: area, bilinear, bicubic.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    channels: str = "RGB"
    resize: str = "area"


class InitModel(Protocol):
    """(key) -> variables."""

    def __call__(self, key: Array, /) -> Variables: ...


class Apply(Protocol):
    """(variables, image [b h w 3], train, key, tags) -> (Embedded, batch_stats)."""

    def __call__(
        self, variables: Variables, image: Array, train: bool | Array,
        key: Array | None = None, tags: Tags | None = None, /,
    ) -> tuple[Embedded, Any]: ...  # fmt: skip


class FeatureMap(Protocol):
    """(variables, image [b h w 3]) -> the map f32[b h' w' c] before the pooling."""

    def __call__(self, variables: Variables, image: Array, /) -> Array: ...


class Model(NamedTuple):
    """An image encoder as pure functions.

    Attributes:
        init: (key) -> variables.
        apply: (variables, image, train, key, tags) -> (Embedded, batch_stats). The statistics are
            new only if `train` (which may be a bool[] array for MGN). Pixels are RGB in [0, 255];
            pictures of another size than `input.size` are refused. key and tags belong to a
            training batch: layers that leave blocks out at random or normalise by domain need them.
        width: d, the length of an embedding.
        input: the pictures that it takes.
        feature_map: (variables, image) -> the map before the pooling, to draw what it looks at.
        config: the options that it was built from, kept with a run and an export.
    """

    init: InitModel
    apply: Apply
    width: int
    input: Input
    feature_map: FeatureMap
    config: Mapping[str, Any] = {}


class EncoderOf(Protocol):
    """(variables, carry) -> the variables of an encoder, as `Model.apply` takes them."""

    def __call__(self, variables: Variables, carry: Carry, /) -> Variables: ...


class EmbedRows(Protocol):
    """(rows i[k]) -> embeddings f32[k d] of rows of the data set, on the host.

    They are computed by the method's `encoder`, or by another function of (variables, carry).
    """

    def __call__(self, rows: np.ndarray, encoder: EncoderOf = ..., /) -> np.ndarray: ...


class Init(Protocol):
    """(key, records) -> (variables, carry)."""

    def __call__(self, key: Array, records: Records, /) -> tuple[Variables, Carry]: ...


class PlanEpoch(Protocol):
    """(state, records, embed, rng) -> (state, Plan), on the host."""

    def __call__(
        self, state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator, /
    ) -> tuple[TrainState, Plan]: ...


class Forward(Protocol):
    """(variables, carry, batch of a device, key) -> (Outputs, batch_stats)."""

    def __call__(
        self, variables: Variables, carry: Carry, batch: Batch, key: Array, /
    ) -> tuple[Outputs, Any]: ...


class Loss(Protocol):
    """(outputs of the global batch, its tags, carry, step i32[]) -> (f32[], Aux)."""

    def __call__(
        self, outputs: Outputs, tags: Tags, carry: Carry, step: Array, /
    ) -> tuple[Array, Aux]: ...


class Update(Protocol):
    """(carry, new variables, aux) -> carry."""

    def __call__(self, carry: Carry, variables: Variables, aux: Aux, /) -> Carry: ...


def unchanged(carry: Carry, variables: Variables, aux: Aux) -> Carry:
    """The default `update`: the carry stays."""
    return carry


def joined(**parts: Variables) -> dict[str, dict[str, Any]]:
    """The variables of a method, {collection: {part: ...}}, from those of its parts, by name."""
    collections = {name for part in parts.values() for name in part}
    return {
        name: {part: variables[name] for part, variables in parts.items() if name in variables}
        for name in sorted(collections)
    }


def part_of(variables: Variables, name: str) -> Variables:
    """The variables of one part of a method, as `joined` put them together."""
    return {collection: parts[name] for collection, parts in variables.items() if name in parts}


def student(variables: Variables, carry: Carry) -> Variables:
    """The default `encoder`: the part called `encoder` of what is trained."""
    return part_of(variables, "encoder")


class Method(NamedTuple):
    """A training method as six pure functions; ARCHITECTURE.md explains the contract.

    Attributes:
        init: once, before the first epoch.
        plan: on the host, at the start of each epoch. Every leaf of the state is numpy there, and
            may be replaced by one of the same shape and dtype; only what was replaced is sent back.
        forward: on each device, for its own rows. It is the only one that sees pixels.
        loss: on the global batch, whose outputs and tags are gathered from all devices. It may
            depend on parameters through `outputs` alone.
        update: on the devices, after the optimiser's step.
        encoder: whose embeddings are evaluated, exported and given to `plan`.
        model: whose variables `encoder` gives.
        views: of each picture in a batch, at least.
    """

    init: Init
    plan: PlanEpoch
    forward: Forward
    loss: Loss
    update: Update = unchanged
    encoder: EncoderOf = student
    model: Model | None = None
    views: int = 1
