"""Ctrl-C at every kind of moment: one line, status 130, and the same command goes on."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.experiments.called import QUICK, begun, call, nobody_is_left, two_domains

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
SMALL = [
    "--config.test=", "--config.persons=2", "--config.per_person=2", "--config.size=32x16",
    "--config.epochs=2", "--config.iterations=30",
]  # fmt: skip
STEADY = ["--config.schedule=constant", "--config.warmup=0"]
# what a run says last before: nothing yet (it imports), the data are read, it compiles or labels,
# it trains, it tests, it draws its report
MOMENTS = [
    "",
    "recipe street",
    "process(es)",
    "epoch 1/2  step 20/30",
    "epoch 2/2  step 30/30",
    "test:",
]


def stopped(name, marker, *arguments):
    """(status, output, errors) of a script that is asked to stop after a line with the marker."""
    with begun(name, *arguments, **PIPES) as child:
        if marker:
            for line in child.stdout:
                if marker in line:
                    break
        else:
            time.sleep(0.5)
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=120)
    assert "Traceback" not in err and nobody_is_left(child), err
    return child.returncode, out, err


@pytest.mark.parametrize(
    "name, options, moments",
    [
        (
            "ide",
            ["--config.data=csv:{}/source.csv", *STEADY, QUICK],
            MOMENTS,
        ),
        (
            "cluster_contrast",
            ["--config.target=csv:{}/target.csv", "--config.k1=6", "--config.k2=2"],
            MOMENTS[2:4],
        ),
    ],
)
def test_a_stop_at_each_moment_loses_nothing(tmp_path, name, options, moments):
    two_domains(tmp_path)
    options = [*SMALL, *(option.format(tmp_path) for option in options)]
    call(name, f"--workdir={tmp_path}/straight", *options, "--noreport")
    again = [f"--workdir={tmp_path}/stopped", *options]
    for marker in moments:
        saved = marker.startswith(("epoch", "test")) or [
            *tmp_path.glob("stopped/checkpoints/[0-9]*")
        ]
        does = "goes on from what is saved" if saved else "begins anew"
        does = does if marker else "begins where this began"
        status, _, err = stopped(name, marker, *again)
        assert status == 130, (marker, err)
        assert f"stopped; the same command {does}:" in err and "--workdir=" in err, (marker, err)
    call(name, *again, "--noreport")
    ends = [
        json.loads((tmp_path / run / "metrics.jsonl").read_text().splitlines()[-1])
        for run in ("straight", "stopped")
    ]
    assert ends[0] == ends[1] and ends[0]["kind"] == "test"


def test_a_finished_run_goes_on_for_more_epochs_to_the_same_end(tmp_path):
    two_domains(tmp_path)
    options = [*SMALL, *STEADY, QUICK, f"--config.data=csv:{tmp_path}/source.csv", "--noreport"]
    for folder, epochs in (("straight", 2), ("more", 1), ("more", 2)):
        call("ide", f"--workdir={tmp_path}/{folder}", *options, f"--config.epochs={epochs}")
    ends = [
        json.loads((tmp_path / run / "metrics.jsonl").read_text().splitlines()[-1])
        for run in ("straight", "more")
    ]
    assert ends[0] == ends[1]


def test_an_export_that_is_stopped_leaves_nothing(tmp_path):
    two_domains(tmp_path)
    options = [
        *SMALL,
        *STEADY,
        f"--config.data=csv:{tmp_path}/source.csv",
        "--noreport",
        "--config.epochs=1",
        "--config.iterations=2",
    ]
    call("ide", f"--workdir={tmp_path}/run", *options)
    with begun("export", f"--workdir={tmp_path}/run", f"--out={tmp_path}/out", **PIPES) as child:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("out.unfinished*")) and time.monotonic() < until:
            time.sleep(0.01)
        os.killpg(child.pid, signal.SIGTERM)
        err = child.communicate(timeout=120)[1]
    assert child.returncode == 143 and "Traceback" not in err, err
    assert not (tmp_path / "out").exists()
    call("export", f"--workdir={tmp_path}/run", f"--out={tmp_path}/out")
