"""What takes ten times its usual time shows where it hangs."""

import time

from reid_jax.app import slow


def test_a_hang_shows_its_stacks_once_and_a_slow_start_none(monkeypatch, capfd):
    for name, value in (("LEAST", 0.2), ("TICK", 0.02), ("_kinds", {}), ("_thread", None)):
        monkeypatch.setattr(slow, name, value)

    def hangs_here():
        time.sleep(0.5)

    with slow.watched("a read"):  # the first one: nobody knows yet how long it takes
        hangs_here()
    for _ in range(6):
        with slow.watched("a read"):
            pass
    assert capfd.readouterr().err == ""
    with slow.watched("a read"):
        hangs_here()
    told = capfd.readouterr().err
    assert told.count("warning: a read has taken 0 s so far, usually it is") == 1
    assert "in hangs_here" in told and "test_slow.py" in told


def test_items_and_steps_pass_through(monkeypatch):
    monkeypatch.setattr(slow, "_kinds", {})
    assert list(slow.each(iter("abc"), "a letter")) == ["a", "b", "c"]
    step = slow.step(lambda state, batch: (state + batch, {"loss": batch}))
    assert [step(1, one) for one in (2, 3)] == [(3, {"loss": 2}), (4, {"loss": 3})]
    assert len(slow._kinds["a letter"].took) == 4 and len(slow._kinds["a step"].took) == 2
