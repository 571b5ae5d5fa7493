"""Draw the report of a run again: its pictures, and its figures beside two baselines.

    python -m experiments.report --workdir=runs/street

A training ends with its report; `reid_jax.app.report` says what each picture shows.
"""

from pathlib import Path

import optax

from reid_jax import checkpoint, encoders, parallel
from reid_jax.app import command, report, sources
from reid_jax.app.job import Job
from reid_jax.methods.ide import ide


def main() -> None:
    """Draw the report of a finished run again."""
    workdir = Path(command.workdir())
    config, model = encoders.of_run(workdir)
    data = sources.adaptation if getattr(config, "target", "") else sources.train_and_test
    train, test = data(config)
    variables = parallel.replicate(checkpoint.restore_encoder(workdir / "checkpoints", model))
    job = Job(ide(model), model, optax.identity(), (), train, test)  # nothing is trained
    report.write(job, config, parallel.build_embed(model), variables, workdir / "report")


if __name__ == "__main__":
    command.plain(main)
