"""Write the encoder of a run as files that other programs run, and prove that they agree with it.

python -m experiments.export --workdir=runs/street --out=runs/street-encoder
python -m experiments.export --weights=osnet.onnx --backbone=osnet_x0_25 --out=osnet-encoder
"""

from absl import flags

from reid_jax import export
from reid_jax.app import command, loaded, outputs
from reid_jax.retrieval import point

_OUT = flags.DEFINE_string("out", None, "the new folder to write", required=True)


def main() -> None:
    """Export, reload and compare."""
    out = outputs.new(_OUT.value)
    command.say(f"export: {loaded.named()} into {out}")
    config, model, variables = loaded.encoder()
    kept = None if loaded.weights() else point.load(command.workdir(), variables)
    worst = export.write(out, model, variables, config=config, point=kept)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    command.say(
        f"{out}: {size:.1f} MB; weights and program, reloaded, agree with it to {worst:.0e} "
        f"({config.get('dtype', 'float32')}: at most {export.apart(config):.0e})"
    )


if __name__ == "__main__":
    command.plain(main)
