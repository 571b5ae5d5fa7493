"""What the tests of `reid_jax.app` share."""

import pytest

from reid_jax.app.watching import running
from reid_jax.app.watching import watch as watching


@pytest.fixture
def said(monkeypatch):
    """The lines that watching says."""
    lines = []
    for module in (watching, running):
        monkeypatch.setattr(module.command, "say", lambda text, *_: lines.append(text))
    monkeypatch.setattr(watching.progress, "hush", lambda: None)
    return lines
