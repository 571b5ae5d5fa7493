"""Draw the report of a run again: its page, its pictures, its figures beside two baselines.

    python -m experiments.report --workdir=runs/street

A training ends with its report; `reid_jax.app.report` says what each picture shows. What the run
began with is drawn from the same weights, if they are still there.
"""

from pathlib import Path
from types import SimpleNamespace

import optax

from reid_jax import checkpoint, encoders, parallel
from reid_jax.app import about, command, report, sources
from reid_jax.app.job import Job
from reid_jax.methods.ide import ide
from reid_jax.options import NO_PATHS
from reid_jax.types import Model

from . import find


def main() -> None:
    """Draw the report of a run again, from its newest checkpoint."""
    workdir = Path(command.workdir())
    command.say(f"report: {workdir} from its newest checkpoint, into {workdir / 'report'}")
    config, model = encoders.of_run(workdir)
    train, test = sources.of_run(config)
    variables = parallel.replicate(checkpoint.restore_encoder(workdir / "checkpoints", model))
    at = checkpoint.restore_position(workdir / "checkpoints")
    origin = about.read(workdir)
    begun = started(config, model, origin.start)
    job = Job(ide(model), begun, optax.identity(), (), train, test)  # nothing is trained
    plan = at.plan if len(at.plan.label) == len(train.person) else None  # of other data
    report.write(
        job,
        config,
        parallel.build_embed(model),
        variables,
        workdir / "report",
        plan,
        epochs=at.epoch + at.whole,
        experiment=find().get(origin.experiment),
    )


def started(config: SimpleNamespace, model: Model, start: str | None) -> Model:
    """The model that begins with the weights of the run, as `model` does where they are gone."""
    if not start or (start not in NO_PATHS and not Path(start).exists()):
        return model
    try:
        return encoders.build(SimpleNamespace(**{**vars(config), "weights": start}), command.say)
    except (ValueError, OSError) as error:
        command.say(f"the start of the run is not as it was: {error}")
        return model


if __name__ == "__main__":
    command.plain(main)
