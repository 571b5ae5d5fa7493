"""What of a run's folder is sound: its files, and each array of its checkpoints.

    python -m experiments.check --workdir=runs/street

A line for each part. Nothing is changed; going on with the run passes over a damaged checkpoint and
leaves out damaged lines of its metrics by itself.
"""

from pathlib import Path

from reid_jax.app import command, sound


def main() -> None:
    """Look at each part; exit status 2 where one is damaged."""
    damaged = 0
    for one in sound.examined(Path(command.workdir())):
        damaged += bool(one.wrong)
        command.say(f"{'DAMAGED' if one.wrong else 'sound':8} {one.part}: {one.wrong or one.told}")
    if damaged:
        raise ValueError(f"{damaged} part(s) of {command.workdir()} are damaged, see above")
    command.say("all is sound")


if __name__ == "__main__":
    command.plain(main)
