"""What a run keeps: its checkpoints, by the clock and at its ends."""

import time
from pathlib import Path

import jax
import orbax.checkpoint as ocp
from absl import flags

from reid_jax import checkpoint, parallel
from reid_jax.app import about, best, stop
from reid_jax.app.job import Figures, Job
from reid_jax.train import Moment
from reid_jax.types import Variables

_SAVE = flags.DEFINE_float(
    "save_minutes",
    5.0,
    "minutes between checkpoints; one is written after the last epoch too",
    lower_bound=0,
)


class Keeper:
    """Writes moments: one every few minutes, the last of the run, and the last before a stop."""

    def __init__(self, checkpoints: ocp.CheckpointManager, job: Job, workdir: Path, began: float):
        self.checkpoints, self.job, self.workdir = checkpoints, job, workdir
        self.began = began - about.read(workdir).seconds
        self.moment: Moment | None = None  # what is not written; the next step consumes its state
        self.written = time.monotonic()

    def look(self, moment: Moment, *, now: bool) -> None:
        """See a moment, and write it if it is time to."""
        self.moment = moment
        stop.unsaved(True)
        if parallel.agreed(now or time.monotonic() - self.written > 60 * _SAVE.value):
            self.write()

    def write(self) -> None:
        """Write the moment seen last, unless that is done."""
        if self.moment is not None:
            encoder = parallel.first(encoder_of(self.job, self.moment))
            checkpoint.save(self.checkpoints, self.moment, encoder, self.job.model.input)
            about.lasted(self.workdir, time.monotonic() - self.began)
            self.moment, self.written = None, time.monotonic()
            stop.then(stop.GOES_ON)  # who leaves waits in `close`

    def keep(self, moment: Moment, figures: Figures) -> bool:
        """Keep a moment aside if its validation is the best one yet; whether it is."""
        epoch, step = moment.position.epoch, int(parallel.first(moment.state.step))
        one = jax.process_index() == 0
        better = parallel.agreed(one and best.beaten(self.workdir, step, figures[best.FIGURE]))
        if better:
            self.write()
            self.checkpoints.wait_until_finished()
            if one:
                best.keep(self.workdir, epoch, step, figures)
        return better

    def close(self) -> None:
        """Wait until all is on the disk."""
        self.checkpoints.wait_until_finished()
        self.checkpoints.close()


def encoder_of(job: Job, moment: Moment) -> Variables:
    """The encoder's variables of a moment, replicated."""
    return job.method.encoder(moment.state.variables, moment.state.carry)
