"""Pictures that several scripts are tried on."""

import pytest

from tests.experiments.called import two_domains


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return two_domains(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def optimised():
    """Scripts are compiled as a user's are, which takes longer; a step takes a twentieth then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "0")
        yield
