r"""Speed on one GPU, in 8 minutes at most: training, embedding, pseudo labels, ranking, reading.

    pip install 'jax[cuda12]' -r requirements.txt
    pip install torch  # a build for CUDA
    python -m benchmarks.gpu --out=gpu.json

ResNet-50 IBN-a at 256x128: the supervised step and ReMix's, in bfloat16 and float32; the supervised
one in bfloat16 by turns with compiled PyTorch (`gpu_torch.py`), where the goal is 1.2 times its
speed. Operations are counted as 3 forward passes a step, 5 for ReMix, and stand beside what the
card's vendor says. Pictures are random, in the host's memory.

Each group of measurements is a process of its own with a limit; the most important come first, and
what there was no time for is named (`--only` measures it alone). The JSON is written after each
figure. `--toy` runs everything at toy size, on any machine.

Wheels of `jax[cuda12]`: jax, jaxlib, jax-cuda12-plugin, jax-cuda12-pjrt; nvidia-cublas-cu12,
nvidia-cuda-cupti-cu12, nvidia-cuda-nvcc-cu12, nvidia-cuda-nvrtc-cu12, nvidia-cuda-runtime-cu12,
nvidia-cudnn-cu12, nvidia-cufft-cu12, nvidia-cusolver-cu12, nvidia-cusparse-cu12, nvidia-nccl-cu12,
nvidia-nvjitlink-cu12, nvidia-nvshmem-cu12. Those of torch: torch, triton and its own choice of
nvidia-*. Where the two want different versions, install torch in another environment and name its
python with `--torch_python`; there it needs numpy and nothing else.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from absl import app, flags

# seconds that a process may take, the most important first
GROUPS = {
    "bfloat16": 230, "embedding": 75, "cluster": 110, "rank": 90, "reading": 75, "float32": 150,
}  # fmt: skip
LEAST = 5  # seconds; with less to spare, no process is started
SPARE = 4  # seconds to end in

_OUT = flags.DEFINE_string("out", "", "JSON file of the figures")
_MINUTES = flags.DEFINE_float("minutes", 8, "how long all of it may take", lower_bound=0)
_ONLY = flags.DEFINE_list("only", list(GROUPS), "groups to measure")
_TOY = flags.DEFINE_boolean("toy", False, "toy size, in one process, on a CPU as well")
_WORKERS = flags.DEFINE_integer(
    "workers", None, "processes that read pictures; by default one a core, at most 16"
)
_PYTHON = flags.DEFINE_string("torch_python", sys.executable, "the python that has torch")
_MODE = flags.DEFINE_string(
    "torch_mode", None, "of torch.compile; eager: not compiled, as at toy size by default"
)


class Report:
    """The figures so far, printed and written one by one."""

    def __init__(self, out: str, driver: str):
        self.out, self.start = out, time.monotonic()
        self.kept: dict = {"driver": driver, "machine": {}, "figures": [], "left_out": []}
        print(f"driver: {driver}", flush=True)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.start

    def add(self, figures: dict) -> None:
        """One line of a measurement."""
        if figures["what"] == "machine":
            first, self.kept["machine"] = not self.kept["machine"], figures
            if not first:
                return
        else:
            self.kept["figures"].append(figures)
        shown = [f"{name} {_shown(value)}" for name, value in figures.items() if name != "what"]
        print(f"{figures['what']:32} " + "  ".join(shown), flush=True)
        self.write()

    def left_out(self, group: str, why: str) -> None:
        """A group that is not complete."""
        self.kept["left_out"].append({"group": group, "why": why})
        print(f"left out: {group}, {why}", flush=True)
        self.write()

    def write(self) -> None:
        """Write the file."""
        if self.out:
            text = json.dumps({**self.kept, "seconds": self.seconds()}, indent=1)
            Path(self.out).write_text(text + "\n")


def _shown(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def driver() -> str:
    """The card and its driver, as nvidia-smi names them."""
    fields = "name,driver_version,memory.total,power.limit,clocks.max.sm"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "nvidia-smi does not answer"
    return "; ".join(done.stdout.split("\n")).strip("; ")


def measure(groups: list[str], limit: float, report: Report, environment: dict) -> str:
    """Run groups in a process of their own; why they are not complete, or ""."""
    mode = _MODE.value or ("eager" if _TOY.value else "default")
    workers = _WORKERS.value
    if workers is None:
        workers = 0 if _TOY.value else min(16, len(os.sched_getaffinity(0)))
    options = json.dumps([groups, _TOY.value, workers, _PYTHON.value, mode])
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu_parts", options],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,  # so that it ends with all that it started
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end)
    timer.start()
    try:
        for line in process.stdout:
            try:
                report.add(json.loads(line))
            except ValueError:  # a library's own words
                print(line, end="", flush=True)
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            end()
    if late.is_set():
        return f"stopped after {limit:.0f} s"
    return f"its process ended with status {status}, see above" if status else ""


def main(_: list[str]) -> None:
    """Measure until all is done or the time is up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unknown = set(_ONLY.value) - set(GROUPS)
    if unknown:
        raise app.UsageError(f"--only={','.join(unknown)} is not among {', '.join(GROUPS)}")
    if not shutil.which(_PYTHON.value):
        raise app.UsageError(f"--torch_python={_PYTHON.value} is no program")
    report, kept = Report(_OUT.value, driver()), tempfile.mkdtemp(prefix="compiled-")
    environment = {
        "CUDA_VISIBLE_DEVICES": "0",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # PyTorch needs memory too
        "JAX_COMPILATION_CACHE_DIR": kept,
        **os.environ,
    }
    chosen = [name for name in GROUPS if name in _ONLY.value]
    parts = [chosen] if _TOY.value else [[name] for name in chosen]
    try:
        for groups in parts:
            name = ", ".join(groups)
            rest = 60 * _MINUTES.value - SPARE - report.seconds()
            if rest < LEAST:
                report.left_out(name, f"{max(rest, 0):.0f} s were left")
                continue
            limit = min(rest, rest if _TOY.value else GROUPS[groups[0]])
            why = measure(groups, limit, report, environment)
            if report.kept["machine"].get("backend") == "cpu" and not _TOY.value:
                print(
                    "There is no GPU that jax can use: nothing is measured. With one: pip install "
                    "'jax[cuda12]'. --toy tries the script here."
                )
                break
            if why:
                report.left_out(name, why)
    finally:
        shutil.rmtree(kept, ignore_errors=True)
    report.write()
    print(f"{report.seconds():.0f} s in all")


if __name__ == "__main__":
    app.run(main)
