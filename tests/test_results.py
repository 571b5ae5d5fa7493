"""RESULTS.md is what its command writes, and a figure on it is that of a file of results."""

import hashlib
import json

import numpy as np
import pytest

from benchmarks import results_files as results
from reid_jax.app.results import record


def test_the_page_is_written_from_the_files():
    """After a change of results/: python -m benchmarks.results."""
    page = results.filled((results.HOME / results.PAGE).read_text(), results.read(results.HOME))
    assert results.WRITTEN.read_text() == page and "{{" not in page


def test_no_path_of_a_machine_is_in_the_files():
    for name, runs in results.read(results.HOME).items():
        assert not any("/home/" in str(run) or "/tmp/" in str(run) for run in runs), name


def run(folder, seed, ap, **about):
    folder.mkdir()
    one = np.ones(1)
    np.savez(folder / "results.npz", name=np.array(["q"]), ap=one, inp=one, first=np.ones(1, int))
    queries = hashlib.sha256((folder / "results.npz").read_bytes()).hexdigest()[:16]
    told = {
        "form": record.FORM, "queries": queries,
        "folder": str(folder), "seeds": [seed], "command": "reid-jax evaluate /here/a",
        "version": "1.0", "date": "2026-01-02T03:04", "devices": "1 x cpu", "cores": "2",
        "configuration": "c", "test": {"source": "csv:/here/a.csv", "mark": "m"}, **about,
    }  # fmt: skip
    figures = dict.fromkeys(results.FIGURES, 0.25) | {"mAP": ap}
    (folder / "results.json").write_text(json.dumps({**figures, "spread": {}, "about": told}))
    (folder / "about.json").write_text(json.dumps({"command": f"reid-jax ide {seed}"}))
    lines = [
        {
            "kind": "train",
            "epoch": epoch,
            "step": 1,
            "labels": 4.0 + 2 * epoch * seed,
            "purity": 0.5,
        }
        for epoch in range(2)
    ]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder / "results.json"


def test_seeds_become_cells_labels_and_commands(tmp_path):
    files = [run(tmp_path / str(seed), seed, ap) for seed, ap in enumerate((0.3, 0.5, 0.4))]
    runs = results.kept(files, "there", lambda text: text.replace("/here", "/data"))
    values = np.array([30, 50, 40])
    spread = f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
    page = results.filled("{{x there}}, {{x there rank1}}\n{{labels x}}\n{{how x}}", {"x": runs})
    lines = page.splitlines()
    assert lines[0] == f"{spread} / 25.0 ± 0.0, 25.0 ± 0.0"
    assert lines[1:5] == ["| epoch | 1 | 2 |", "|---|---|---|", "| labels | 4 | 6 |",
                          "| purity, % | 50 | 50 |"]  # fmt: skip
    assert lines[5:7] == ["    reid-jax ide 0", "    reid-jax evaluate /data/a"]
    assert lines[8] == "(seeds 0, 1, 2; version 1.0, 2026-01-02, 1 x cpu, 2 cores)"
    with pytest.raises(ValueError, match="{{y there}}: no file of results has that"):
        results.filled("{{y there}}", {"x": runs})
    with pytest.raises(ValueError, match="{{x here}}"):
        results.filled("{{x here}}", {"x": runs})


def test_further_tests_and_seeds_join_a_file(tmp_path):
    first = results.kept([run(tmp_path / "a", 0, 0.3)], "one", str)
    second = results.kept([run(tmp_path / "b", 0, 0.6), run(tmp_path / "c", 1, 0.7)], "two", str)
    both = results.joined(first, second)
    assert [[*one["tests"]] for one in both] == [["one", "two"], ["two"]]
    other = results.kept([run(tmp_path / "d", 0, 0.6, configuration="d")], "two", str)
    with pytest.raises(ValueError, match="seed 0 is there with another configuration"):
        results.joined(first, other)
    with pytest.raises(ValueError, match="several files are of one seed"):
        results.kept([tmp_path / "a/results.json", tmp_path / "b/results.json"], "one", str)
