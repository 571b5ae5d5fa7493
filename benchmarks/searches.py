"""Searches of a gallery for a track on another camera, counted (benchmarks.found)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from reid_jax.gallery.store import Store
from reid_jax.gallery.where import where


class Search(NamedTuple):
    """A track that was searched for on another camera.

    Attributes:
        there: whether the person is on it.
        right: whether the nearest is he.
        above: whether the nearest is at or above the threshold.
    """

    there: bool
    right: bool
    above: bool


def searches(store: Store, person: dict[int, int], threshold: float) -> Iterator[Search]:
    """Search for each track on each other camera; `person` of each row, 0: nobody's."""
    known = store.rows(columns=["camera", "video", "track"])
    tracks: dict[tuple, list[int]] = {}
    for one in known:
        tracks.setdefault((one["camera"], one["video"], one["track"]), []).append(one["row"])
    cameras = sorted({one["camera"] for one in known})
    on = {
        camera: {person[row] for key, rows in tracks.items() if key[0] == camera for row in rows}
        for camera in cameras
    }
    vectors = {one["row"]: one["embedding"] for one in store.rows(columns=["embedding"])}
    for (camera, _, _), rows in tracks.items():
        who = max(set(own := [person[row] for row in rows]), key=own.count)
        query = np.array([vectors[row] for row in rows], np.float32)
        for other in cameras:
            if other == camera or not who:
                continue
            answer = store.search(query, where=where(cameras=other), top=1, by="track")
            best = answer.matches[0]
            right = person[best.row] == who
            yield Search(who in on[other], right, best.cosine >= threshold)


def told(name: str, found: list[Search], hours: float = 0.0) -> str:
    """A line of figures."""
    there = [one for one in found if one.there]
    rank1 = np.mean([one.right for one in there])
    at = np.mean([one.right and one.above for one in there])
    false = sum(one.above and not one.right for one in found)
    hourly = f", {false / hours:.0f} an hour" if hours else ""
    return (
        f"{name:12} {len(there):,} searches for who is there, {len(found) - len(there):,} for who "
        f"is not: rank 1 {100 * rank1:.1f}%, found {100 * at:.1f}%, false alarms {false}{hourly}"
    )
