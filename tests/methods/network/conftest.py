import pytest

from tests.methods.network.films import no_thread_stays


@pytest.fixture(autouse=True)
def threads():
    with no_thread_stays():
        yield
