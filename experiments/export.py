"""Write the encoder of a run as files that other programs run, and prove that they agree with it.

python -m experiments.export --workdir=runs/street --out=runs/street-encoder
"""

from pathlib import Path

import jax
from absl import flags

from experiments import command, encoders
from reid_jax import checkpoint, export

_OUT = flags.DEFINE_string("out", None, "the new folder to write", required=True)


def main() -> None:
    """Export, reload, compare."""
    workdir = Path(command.workdir())
    config, model = encoders.of_run(workdir)
    variables = checkpoint.restore_encoder(workdir / "checkpoints", model.init(jax.random.key(0)))
    worst = export.write(_OUT.value, model, variables, size=encoders.size(config), config=vars(config))
    files = sum(file.stat().st_size for file in Path(_OUT.value).rglob("*") if file.is_file())
    print(f"{_OUT.value}: {files / 1e6:.1f} MB; weights and program, reloaded, agree with the run to {worst:.0e}")


if __name__ == "__main__":
    command.plain(main)
