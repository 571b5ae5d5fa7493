"""Pictures that several scripts are tried on."""

import pytest

from tests.experiments.called import two_domains


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return two_domains(tmp_path_factory.mktemp("data"))
