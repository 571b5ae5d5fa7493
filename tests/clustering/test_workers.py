import threading

from reid_jax.clustering import workers


def test_every_range_once_and_compiled_before_threads_begin():
    calls = []

    def run(start, stop, seen):
        seen.append((start, stop, threading.current_thread() is threading.main_thread()))
        return stop

    assert workers.map_rows(run, 5, calls, step=2) == [2, 4, 5]
    assert calls[0] == (0, 0, True)  # numba imports modules when it compiles
    assert sorted(calls[1:]) == [(0, 2, False), (2, 4, False), (4, 5, False)]
    assert workers.map_rows(run, 0, calls) == [] and workers.map_rows(run, 1, calls, step=1) == [1]
