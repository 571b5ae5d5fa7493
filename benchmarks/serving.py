"""Users of the page at once: errors and waiting times, beside the load of the machine.

    python -m benchmarks.serving
    python -m benchmarks.serving --gallery=people --users=32 --seconds=30 --think=1

The page is started as a person starts it (`reid-jax serve`); without --gallery it is of the
street's people, by a small encoder of random weights. A user looks at who was seen last, clicks at
a person, gives a picture of his own, searches for it, filters by camera and says something of an
answer, and thinks for about --think seconds in between. Users are threads of this process and take
a share of the same cores.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import httpx
import jax
import numpy as np
import simplejpeg
from absl import app, flags, logging

import reid_jax
from reid_jax import synthetic

_GALLERY = flags.DEFINE_string("gallery", None, "of `reid-jax gallery`; none: the street's people")
_PERSONS = flags.DEFINE_integer("persons", 100, "without --gallery: persons of the street", 2)
_USERS = flags.DEFINE_integer("users", 32, "users at once", 1)
_SECONDS = flags.DEFINE_float("seconds", 30, "how long they use it", 0.1)
_THINK = flags.DEFINE_float("think", 1.0, "seconds between an answer and the next question", 0)
_BACKBONE = flags.DEFINE_string("backbone", "osnet_x0_25", "without --gallery: of the encoder")
_SIZE = flags.DEFINE_string("size", "128x64", "without --gallery: of the encoder's pictures")


def street(folder: Path) -> Path:
    """A gallery of the street's people."""
    model = reid_jax.build(_BACKBONE.value, size=_SIZE.value)
    encoder = reid_jax.Encoder(model, model.init(jax.random.key(0)))
    encoder.save(folder / "encoder", forms=[])
    people = synthetic.labelled(persons=_PERSONS.value, cameras=6, per_camera=2)
    gallery = reid_jax.open_gallery(folder / "people", folder / "encoder", create=True)
    track = [f"{p}" for p in people.person]
    gallery.add(people, track=track, time=[1_777_593_600 + 60 * int(p) for p in people.person])
    return folder / "people"


class Users:
    """What they did: seconds by the kind of question, and errors."""

    def __init__(self, address: str, pictures: list[bytes]):
        self.address, self.pictures = address, pictures
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []

    def ask(self, client: httpx.Client, kind: str, path: str, **given) -> dict:
        """One question."""
        began = time.perf_counter()
        try:
            method = "POST" if {"content", "json"} & given.keys() else "GET"
            answer = client.request(method, path, **given)
            if answer.status_code != 200:
                self.errors.append(f"{kind}: {answer.status_code} {answer.text[:100]}")
            return answer.json() if answer.status_code == 200 else {}
        except httpx.HTTPError as error:
            self.errors.append(f"{kind}: {error!r}")
            return {}
        finally:
            self.spent[kind].append(time.perf_counter() - began)

    def use(self, number: int, until: float) -> None:
        """One user, until a moment."""
        rng = np.random.default_rng(number)

        def think() -> None:
            time.sleep(max(0.0, min(_THINK.value * rng.uniform(0.5, 1.5), until - time.time())))

        with httpx.Client(base_url=self.address, trust_env=False, timeout=60) as client:
            cameras = [*self.ask(client, "about", "/api/about")["cameras"]]
            time.sleep(rng.uniform(0, _THINK.value))
            while time.time() < until:
                seen = self.ask(client, "people", "/api/people", params={"most": 40})
                think()
                row = int(rng.choice([one["row"] for one in seen["people"]]))
                found = self.ask(client, "search", "/api/search", params={"query": row})
                think()
                picture = self.pictures[rng.integers(len(self.pictures))]
                name = self.ask(client, "picture", "/api/query", content=picture).get("query")
                given = {"query": name, "camera": str(rng.choice(cameras))}
                self.ask(client, "search", "/api/search", params={"query": name})
                think()
                self.ask(client, "filter", "/api/search", params=given)
                think()
                said = {"query": row, "row": found["matches"][0]["row"], "same": True}
                self.ask(client, "feedback", "/api/feedback", json=said)
                think()


def measure(address: str) -> None:
    """Let them use it, and print."""
    people = synthetic.labelled(persons=20, cameras=2, per_camera=1, seed=1)
    pictures = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(one)) for one in map(np.asarray, people.image)
    ]
    users, until = Users(address, pictures), time.time() + _SECONDS.value
    threads = [
        threading.Thread(target=users.use, args=(number, until)) for number in range(_USERS.value)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    every = [one for kind in users.spent.values() for one in kind]
    for kind, spent in [*sorted(users.spent.items()), ("all", every)]:
        median, late, last = 1000 * np.percentile(spent, [50, 95, 100])
        print(
            f"{kind:9} {len(spent):6,}  median {median:6.0f} ms  p95 {late:6.0f}  max {last:6.0f}"
        )
    print(f"errors    {len(users.errors):6,}  {'; '.join(sorted({*users.errors})[:3])}")
    print(f"{len(every) / _SECONDS.value:.1f} questions a second; load {os.getloadavg()[0]:.1f}")


def main(_: list[str]) -> None:
    """Start the page, use it, end it."""
    logging.set_verbosity(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(_GALLERY.value) if _GALLERY.value else street(Path(name))
        command = ["env", "--default-signal=INT", sys.executable, "-u", "-m", "experiments.serve"]
        with subprocess.Popen(
            [*command, f"--gallery={folder}", "--port=0"], stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                for line in server.stdout or ():
                    print(line, end="", flush=True)
                    if line.startswith("http"):
                        break
                else:
                    raise SystemExit("the page did not start")
                print(
                    f"{_USERS.value} users, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
                )
                measure(line.split()[0])
            finally:
                server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    app.run(main)
