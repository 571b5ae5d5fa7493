import collections

import optax
import pytest

from reid_jax import checkpoint, parallel
from reid_jax.methods.ide import ide
from tests import tiny
from tests.tiny import Run


def test_the_encoder_is_read_without_the_method(tmp_path):
    run = Run(lambda model: ide(model, persons=4, per_person=4), optimiser=optax.adam(1e-3))
    moment = list(run.moments(count=1))[-1]
    encoder = parallel.first(run.method.encoder(moment.state.variables, moment.state.carry))
    with checkpoint.manager(tmp_path) as checkpoints:
        assert checkpoint.restore(checkpoints, run.start()) is None
        checkpoint.save(checkpoints, moment, encoder, run.model.input)
    read = checkpoint.restore_encoder(tmp_path, run.model)
    assert tiny.difference(read, encoder) == 0
    other = run.model._replace(input=tiny.INPUT._replace(mean=(0.5, 0.5, 0.5)))
    with pytest.raises(ValueError, match=r"takes .*0\.485.* and this model .*0\.5"):
        checkpoint.restore_encoder(tmp_path, other)
    older = collections.namedtuple("Older", tiny.INPUT._fields[:-1])(
        *tiny.INPUT[:-1]
    )  # knew of no other way to resize
    with checkpoint.manager(tmp_path / "older") as checkpoints:
        checkpoint.save(checkpoints, moment, encoder, older)
    assert tiny.difference(checkpoint.restore_encoder(tmp_path / "older", run.model), encoder) == 0
    other = run.model._replace(input=tiny.INPUT._replace(resize="bilinear"))
    with pytest.raises(ValueError, match="takes .*'area'.* and this model .*'bilinear'"):
        checkpoint.restore_encoder(tmp_path / "older", other)


def test_a_folder_without_a_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        checkpoint.restore_encoder(tmp_path / "none", tiny.encoder())
    with pytest.raises(FileNotFoundError, match="no finished checkpoint"):
        checkpoint.restore_encoder(tmp_path, tiny.encoder())
