"""Many processes that register under one name in one bucket."""

import pytest
from tests.rounds import race
from tests.s3.servers import FAIR


@pytest.fixture(params=FAIR)
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_success_is_a_version(bucket: str) -> None:
    race(f"s3://{bucket}/raced", workers=3, rounds=2)


@pytest.mark.campaign
def test_every_success_of_many_is_a_version(bucket: str) -> None:
    """640 versions of one name: a quarter of an hour on each server, where 32 processes share two cores."""
    race(f"s3://{bucket}/raced", workers=32, rounds=20)
