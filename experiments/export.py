"""Write the encoder of a run as files that other programs run, and prove that they agree with it.

python -m experiments.export --workdir=runs/street --out=runs/street-encoder
python -m experiments.export --weights=osnet.onnx --backbone=osnet_x0_25 --out=osnet-encoder
"""

from pathlib import Path

from absl import flags

from experiments import chosen, command
from reid_jax import export

_OUT = flags.DEFINE_string("out", None, "the new folder to write", required=True)


def main() -> None:
    """Export, reload, compare."""
    config, model, variables = chosen.encoder()
    worst = export.write(_OUT.value, model, variables, config=config)
    files = sum(file.stat().st_size for file in Path(_OUT.value).rglob("*") if file.is_file())
    print(f"{_OUT.value}: {files / 1e6:.1f} MB; weights and program, reloaded, agree with it to {worst:.0e}")


if __name__ == "__main__":
    command.plain(main)
