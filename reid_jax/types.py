"""The records that travel through the house, and the two defaults of the method contract."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = Any  # np.ndarray on the host, jax.Array on devices
Variables = Mapping[str, Any]  # linen's collections: params, batch_stats
Outputs = Mapping[str, Array]  # what `forward` saw, by name; every leaf is [b ...]


class Images(Protocol):
    """Where the pictures of a data set are: one item per row, readable in any order, picklable.

    An item is a path (str), the bytes of an encoded picture, or pixels (uint8 [h w 3], RGB). An object array of paths
    is an `Images`.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, row: int) -> "str | bytes | np.ndarray": ...
    def take(self, rows: np.ndarray) -> "Images": ...


class Records(NamedTuple):
    """A data set as columns; row i of every column is one picture. `i` is its name (`index`) for life.

    image:  Images, n items.
    person: i32[n], the identity that the data set gives; 0 is a distractor (gallery only), -1 is not known.
    camera: i32[n], -1 where not known.
    domain: i32[n], 0 annotated (or synthetic), 1 not annotated (or real).
    group:  i32[n], the video, track or frame pair that the picture came from, -1 where there is none. Several cameras
            with one group are synchronised views of one scene.
    split:  <U7[n], "train", "query" or "gallery".
    frame:  i32[n], the number of the video's frame, the same moment in all cameras of a group; -1 where not known.
    shot:   i32[n], which of its group's shots the picture is of: what happens between two cuts; -1 where not known.
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
    """What is known of each row of a batch, all i32[b]. `label` is this epoch's class, -1 sits out.

    All of them are -1 in a place that a plan left empty.
    """

    label: Array
    index: Array
    camera: Array
    domain: Array
    group: Array


class Batch(NamedTuple):
    """image: uint8 or f32 [b v h w 3] (v views of each row); tags: Tags."""

    image: Array
    tags: Tags


class Plan(NamedTuple):
    """One epoch, decided in the morning.

    rows:   i32[t b], the rows of Records that step t trains on; -1 leaves a place empty: black, and all tags -1.
    label:  i32[n], this epoch's label of each row of Records, -1 sits out.
    report: figures about the plan, logged with the epoch's metrics.
    """

    rows: np.ndarray
    label: np.ndarray
    report: Mapping[str, float]


class Aux(NamedTuple):
    """metrics: scalars to log; moved: arrays that `update` needs."""

    metrics: Mapping[str, Array]
    moved: Any = ()


class TrainState(NamedTuple):
    """All that survives a step, a pytree. step: i32[]; opt: optax's state; carry: the state that the method owns."""

    step: Array
    variables: Variables
    opt: Any
    carry: Any


class Embedded(NamedTuple):
    """feature: f32[b d] before the neck, `embedding`: f32[b d] behind it (what retrieval compares).

    aside: what layers on the way want to be judged by, arrays [b ...] by name; in training only.
    """

    feature: Array
    embedding: Array
    aside: Mapping[str, Array] | tuple[()] = ()


class Input(NamedTuple):
    """What an encoder takes, kept with its weights: size (height, width), and pixels in [0, 1] less mean over std.

    channels: the order that the weights were trained on; pictures come as RGB and are turned where it is "BGR".
    resize:   how pictures are brought to `size`, see `data.augment.resize`: area, bilinear, bicubic.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    channels: str = "RGB"
    resize: str = "area"


class Model(NamedTuple):
    """An image encoder as two pure functions.

    init:  (key) -> variables
    apply: (variables, image [b h w 3], train, key=None, tags=None) -> (Embedded, batch_stats), the statistics moved only
           if `train` (of MGN an array bool[] too, see there). RGB in [0, 255]; another size than `input.size` is refused.
           key, tags: of a training batch, for layers that leave things out at random or normalise by domain.
    width: d, the size of an embedding.
    input: what it takes.
    look:  (variables, image) -> the map f32[b h' w' c] before the pooling, for pictures of what it looks at.
    """

    init: Callable[..., Variables]
    apply: Callable[..., tuple[Embedded, Any]]
    width: int
    input: Input
    look: Callable[..., Array] | None = None


def unmoved(carry: Any, variables: Variables, aux: Aux) -> Any:
    """The default `update`: a method without state of its own."""
    return carry


def student(variables: Variables, carry: Any) -> Variables:
    """The default `encoder`: the part called `encoder` of what was trained."""
    return {name: collection["encoder"] for name, collection in variables.items()}


class Method(NamedTuple):
    """A training method as six pure functions; ARCHITECTURE.md tells the contract.

    init:    (key, records) -> (variables, carry)                    once
    plan:    (state, records, see, rng) -> (state, Plan)             host, each epoch's morning; numpy in, numpy out
    forward: (variables, carry, batch, key) -> (Outputs, batch_stats)  device, its own rows: sees pixels
    loss:    (outputs, tags, carry, step) -> (scalar, Aux)           device, the global batch: sees vectors
    update:  (carry, variables, aux) -> carry                        device, after the gradient
    encoder: (variables, carry) -> the encoder's variables           who speaks in evaluation and in `see`

    see(rows) embeds rows of the records, f32[len(rows) d], for the plan; see(rows, encoder) with another of the method's
    encoders, a function as `encoder` is.
    """

    init: Callable
    plan: Callable
    forward: Callable
    loss: Callable
    update: Callable = unmoved
    encoder: Callable = student
