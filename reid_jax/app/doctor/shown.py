"""What was found as Markdown, as JSON and as pictures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app import canvas, distances, origin, sheets
from reid_jax.app.doctor import errors as listing
from reid_jax.app.doctor.errors import Error
from reid_jax.app.doctor.exam import Exam
from reid_jax.app.doctor.findings import Finding
from reid_jax.app.doctor.patient import Patient
from reid_jax.evaluate import figures
from reid_jax.types import Records

LEAST = 3  # pictures of a sheet of neighbours


def markdown(
    patient: Patient,
    exam: Exam,
    found: Sequence[Finding],
    errors: Sequence[Error],
    names: Sequence[str],
    source: str,
) -> str:
    """The whole text.

    Args:
        patient: the encoder.
        exam: what was measured.
        found: what it means.
        errors: the worst.
        names: of the pictures that were looked at.
        source: of these, as it was given.
    """
    alarms = [one for one in found if one.alarm]
    verdict = "No alarm." if not alarms else f"{len(alarms)} alarm{'s' * (len(alarms) > 1)}."
    text = [f"# {patient.name}", "", f"{verdict} Looked at {exam.looked:,} of {exam.total:,} "]
    text[-1] += f"pictures of `{source}`."
    text += ["", *(f"- {_said(one)}" for one in found), *([""] if found else [])]
    text += ["| what | measured |", "|---|---|"]
    text += [f"| {what} | {value} |" for what, value in _table(patient, exam)]
    if errors and exam.labelled:
        own = [names[row] for row in exam.labelled.rows]
        text += ["", f"## The {len(errors)} worst errors", ""]
        text += listing.lines(errors, exam.labelled.test, own)
    return "\n".join(text) + "\n"


def _said(one: Finding) -> str:
    word = "**" if one.alarm else ""
    return f"{word}{one.text[0].upper()}{one.text[1:]}.{word} Usual cause: {one.cause}."


def _table(patient: Patient, exam: Exam) -> list[tuple[str, str]]:
    """What was measured, in words."""
    input, known = patient.input, exam.health
    size = "x".join(map(str, input.size))
    triple = [", ".join(f"{x:.3f}" for x in side) for side in (input.mean, input.std)]
    rows = [
        ("weights", patient.coverage),
        ("hash", patient.hash or "of a program: none"),
        ("input", f"{size} (height x width), {input.channels}, resized by {input.resize}"),
        ("normalisation", f"mean {triple[0]}; std {triple[1]}, of pixels in [0, 1]"),
        ("pixels behind it", f"mean {exam.pixels[0]:.2f}, deviation {exam.pixels[1]:.2f}"),
        ("embeddings", f"{known.rows:,} of {known.width} numbers, {len(known.broken)} broken"),
        ("length", f"{known.norm:.3g}, deviation {known.norm_deviation:.2g}"),
        ("cosine of random pairs", f"{known.cosine:.3f} in the mean"),
        ("effective rank", f"{known.rank:.1f}, at most {min(known.rows - 1, known.width)}"),
        ("dead dimensions", str(len(known.dead))),
        ("alone and in a batch", f"{exam.alone:.1g} apart"),
    ]
    rows += [(f"cosine to the twin: {name}", f"{x:.3f}") for name, x in exam.twins.items()]
    if exam.fit:
        rgb, bgr = exam.fit
        rows.append(("batch statistics move", f"{rgb:.2g} deviations; by BGR {bgr:.2g}"))
    if exam.labelled:
        shown = dict(figures(exam.labelled.ranking))
        ahead, half = (100 * x for x in exam.labelled.bgr)
        rows += [
            ("mAP, rank-1", f"{100 * shown['mAP']:.1f}, {100 * shown['rank1']:.1f} of "
             f"{shown['queries']:,.0f} queries"),
            ("mAP of BGR pictures", f"{ahead:+.1f} ± {half:.1f}"),
            ("overlap of distances", f"{exam.labelled.counts.overlap:.3f} (0: apart, 1: alike)"),
        ]  # fmt: skip
    return rows


def plain(
    patient: Patient,
    exam: Exam,
    found: Sequence[Finding],
    errors: Sequence[Error],
    names: Sequence[str],
    source: str,
) -> dict[str, Any]:
    """The same for programs; arguments as of `markdown`."""
    health = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in exam.health._asdict().items()
    }
    told: dict[str, Any] = {
        "encoder": patient.name,
        "hash": patient.hash,
        "coverage": patient.coverage,
        "missing": list(patient.missing),
        "input": patient.input._asdict(),
        "pictures": {"source": source, "given": exam.total, "looked": exam.looked,
                     "copies": exam.copies},
        "health": health,
        "twins": exam.twins,
        "alone": exam.alone,
        "pixels": list(exam.pixels),
        "statistics": list(exam.fit) if exam.fit else None,
        "findings": [one._asdict() for one in found],
        "about": origin.told(),
    }  # fmt: skip
    if exam.labelled:
        own = [names[row] for row in exam.labelled.rows]
        told["figures"] = dict(figures(exam.labelled.ranking))
        told["bgr"] = list(exam.labelled.bgr)
        told["distances"] = {
            name: counts.tolist() for name, counts in exam.labelled.counts._asdict().items()
        }
        told["errors"] = listing.plain(errors, exam.labelled.test, own)
    return told


def write(
    folder: Path,
    patient: Patient,
    exam: Exam,
    part: Records,
    errors: Sequence[Error],
    text: str,
    told: dict[str, Any],
    source: str,
) -> None:
    """Write doctor.md, doctor.json, doctor.png and, with labels, distances.png.

    Args:
        folder: new, made here.
        patient: the encoder.
        exam: what was measured.
        part: the pictures that were looked at.
        errors: the worst, which doctor.png shows; without any, nearest neighbours.
        text: of `markdown`.
        told: of `plain`.
        source: of the pictures, as it was given.
    """
    folder.mkdir(parents=True)
    (folder / "doctor.md").write_text(text)
    (folder / "doctor.json").write_text(json.dumps(told, indent=1) + "\n")
    if exam.labelled:
        counts = {Path(patient.name).name: exam.labelled.counts}
        distances.histograms(counts, folder / "distances.png")
    if errors and exam.labelled:
        queries = exam.labelled.ranking.queries
        picture = listing.sheet(errors, exam.labelled.test, queries, source)
        canvas.save(folder / "doctor.png", canvas.drawn(picture))
    elif np.isfinite(exam.embedding).all() and len(exam.embedding) >= LEAST:
        picture = sheets.neighbours(
            exam.embedding, part, patient.metric, 0, source, kind="pictures"
        )
        canvas.save(folder / "doctor.png", canvas.drawn(picture))
