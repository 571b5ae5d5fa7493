"""One table of faults: what was tried, how often, and how often it was survived.

    python -m benchmarks.survives --rounds=10 --inputs=300
    python -m benchmarks.survives --rounds=100 --inputs=10000 > survives.md     days

It is made of `benchmarks.kill`, `benchmarks.storage` and `benchmarks.fuzz`, whose lines tell what
fell. The exit status is 1 where something did.
"""

import argparse
import os
import subprocess
import sys

from benchmarks import killed
from benchmarks.fuzz_readers import READERS

FAULTS = ("full", "readonly", "handles", "moved")


def said(*words: str) -> list[str]:
    """The lines that a benchmark says, which are passed on."""
    command = [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    sys.stderr.write(done.stdout)
    return done.stdout.splitlines()


def cells(lines: list[str], first: str) -> list[str]:
    """The cells of the last line of a table that begins with a word."""
    found = [line for line in lines if line.startswith(f"| {first} |")]
    return [one.strip() for one in found[-1].strip("|").split("|")] if found else [first, "0"]


def main() -> int:
    """Try all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="of kills of a method, of a fault")
    parser.add_argument("--inputs", type=int, default=300, help="of a reader")
    parser.add_argument("--methods", default=",".join(killed.METHODS), help="by comma")
    parser.add_argument("--readers", default=",".join(READERS), help="by comma")
    given = parser.parse_args()
    rows, rounds = [], f"--rounds={given.rounds}"
    for method in given.methods.split(","):
        told = cells(said("kill", rounds, f"--methods={method}"), method)
        kills, survived = (*told[2:4], "0", "0")[:2]
        rows.append((f"{method}, {kills} kills", f"{given.rounds} rounds", survived))
    faults = FAULTS if os.geteuid() == 0 else FAULTS[2:]
    told = said("storage", rounds, f"--faults={','.join(faults)}")
    rows += [(f"storage: {one}", f"{given.rounds} rounds", cells(told, one)[-1]) for one in faults]
    for reader in given.readers.split(","):
        lines = said("fuzz", f"--reader={reader}", f"--inputs={given.inputs}")
        fallen = sum(line.startswith(f"{reader} ") for line in lines)
        fallen = fallen if lines else given.inputs
        rows.append((f"damaged files: {reader}", f"{given.inputs} inputs", given.inputs - fallen))
    print("| fault | tried | survived |\n|---|---|---|")
    print("\n".join(f"| {fault} | {tried} | {survived} |" for fault, tried, survived in rows))
    return int(any(int(tried.split()[0]) > int(survived) for _, tried, survived in rows))


if __name__ == "__main__":
    sys.exit(main())
