from functools import partial

from reid_jax.cluster import videos
from reid_jax.methods.remix import Terms, remix
from tests import tiny

SMALL = {"multi": (3, 4), "single": (2, 2), "iterations": 5, "images": 30, "momentum": 0.9}
WORLD = tiny.mixture
EXAM = [
    lambda model: remix(model, **SMALL),
    lambda model: remix(model, multi=(4, 4), single=(0, 0), iterations=5, momentum=0.9),
    lambda model: remix(
        model,
        **{**SMALL, "momentum": 0.5},
        labeller=partial(videos.labels, eps=0.3, metric="cosine"),
        terms=Terms(apart=False, own=False, against="augmented", own_camera=True, together=False, negatives=2),
    ),
]
