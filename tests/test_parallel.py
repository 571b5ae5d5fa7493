import jax
import numpy as np
import pytest

from reid_jax import parallel


def test_a_tree_goes_to_the_devices_and_back():
    tree = {"a": np.arange(6.0).reshape(2, 3), "b": (np.int32(4), np.zeros(0))}
    copies = parallel.replicate(tree)
    assert copies["a"].shape == (4, 2, 3)
    back = parallel.first(copies)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    np.testing.assert_array_equal(back["a"], tree["a"])
    assert back["b"][0] == 4


def test_rows_are_dealt_and_gathered_in_order():
    rows = np.arange(8.0)
    dealt = parallel.split(rows)
    assert dealt.shape == (4, 2)
    everyone = jax.pmap(parallel.gather, parallel.AXIS)(dealt)
    for device in range(4):
        np.testing.assert_array_equal(everyone[device], rows)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="a batch of 30 rows cannot be split over 4 devices; choose a multiple of 4"):
        parallel.split(np.zeros((30, 2)))
