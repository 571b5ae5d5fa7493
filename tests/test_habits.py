"""The files around the code: workflows, templates, citation, image; they are whole and agree."""

import re
from pathlib import Path

import pytest
import yaml

import reid_jax

ROOT = Path(__file__).parents[1]
FILES = sorted(
    [*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
)
EXTRAS = re.findall(
    r"^(\w+) =$", (ROOT / "setup.cfg").read_text().split("[options.extras_require]")[1], re.M
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_yaml_file_is_one(file):
    assert isinstance(yaml.safe_load(file.read_text()), dict)


@pytest.mark.parametrize("file", [one for one in FILES if one.parent.name == "workflows"],
                         ids=lambda file: file.name)  # fmt: skip
def test_a_workflow_has_its_parts(file):
    flow = yaml.safe_load(file.read_text())
    assert flow["name"] == file.stem and flow[True] and flow["permissions"]  # yaml reads on as true
    for job in flow["jobs"].values():
        assert job["runs-on"] and job["timeout-minutes"]
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert "@" in step.get("uses", "@")
            for extras in re.findall(r"'\.\[([\w,]+)\]'", step.get("run", "")):
                assert set(extras.split(",")) <= set(EXTRAS)
            for path in re.findall(r"(?<![\w/])(?:\.ci|tests)/\w+(?:\.py)?", step.get("run", "")):
                assert (ROOT / path).is_file(), path


def test_fast_tests_run_on_both_pythons():
    flow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    matrix = flow["jobs"]["fast"]["strategy"]["matrix"]["include"]
    assert {one["python"] for one in matrix} == {"3.11", "3.13"}


@pytest.mark.parametrize("file", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml")),
                         ids=lambda file: file.stem)  # fmt: skip
def test_a_template_asks_something(file):
    form = yaml.safe_load(file.read_text())
    assert form["name"] and form["description"]
    assert all(part["type"] == "textarea" and part["id"] for part in form["body"])


def test_the_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == reid_jax.__version__ and citation["license"] == "Apache-2.0"
    titles = " ".join(one["title"] for one in citation["references"])
    for paper in ("ReMix", "Distance-distributions", "Cycle Association", "DomainMix"):
        assert paper in titles
    assert all(one["authors"] for one in (citation, *citation["references"]))


def test_the_image_copies_what_there_is():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    sources = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    for source in sources:
        assert (ROOT / source).exists() and f"!{source}" in let_in, source
    extras = re.search(r"'\.\[([\w,]+)\]'", (ROOT / "Dockerfile").read_text())
    assert set(extras[1].split(",")) <= set(EXTRAS)
