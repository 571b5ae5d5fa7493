import pytest

from tests.api import samples


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    samples.prepare(folder)
    return folder
