"""Versions, devices, caches and extras of this installation: what a bug report needs.

python -m experiments.info
"""

from reid_jax.app import command, info


def main() -> None:
    """Print them."""
    for name, value in info.told():
        command.say(f"{name:22} {value}")


if __name__ == "__main__":
    command.plain(main)
