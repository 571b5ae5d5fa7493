"""A query and a gallery drawn at random, and what published codes computed of them.

Recorded with torchreid (KaiyangZhou/deep-person-reid), numpy 2.4, from Euclidean distances in
float64: `eval_market1501` of torchreid/metrics/rank.py, and `re_ranking` of
torchreid/utils/rerank.py, which is Zhong et al.'s code with float32 for float16, at its defaults.
"""

import numpy as np

MEAN_AP = 0.5458297797774619
CMC = [0.65, 0.89, 0.94, 0.99]  # at ranks 1, 5, 10, 50
RERANKED_MEAN_AP = 0.7090218108543952
RERANKED_CMC = [0.75, 0.89, 0.90, 0.99]
RERANKED = [  # of each 25th query and each 100th gallery row
    [0.952591, 0.794468, 0.879415, 0.869134, 0.868247],
    [0.865457, 0.831583, 0.889329, 0.97504, 0.847365],
    [0.865929, 0.791764, 0.908519, 0.904848, 0.800363],
    [0.90258, 0.906104, 0.875696, 0.499896, 0.842642],
]
RERANKED_MEAN = 0.8496646285057068  # of all


def official() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """query f32[100 16], gallery f32[500 16] of length one, persons and cameras by name."""
    rng = np.random.default_rng(7)
    person, camera = rng.integers(0, 60, 600), rng.integers(0, 5, 600)
    person[:100] = rng.integers(1, 60, 100)
    rows = rng.standard_normal((60, 16))[person] + 0.3 * rng.standard_normal((5, 16))[camera]
    rows += 0.9 * rng.standard_normal((600, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    sides = {"query": slice(0, 100), "gallery": slice(100, 600)}
    columns = {
        f"{side}_{name}": column[part]
        for name, column in (("person", person), ("camera", camera))
        for side, part in sides.items()
    }
    return rows[:100], rows[100:], columns
