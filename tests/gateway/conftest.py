"""Gateways for the tests of this folder."""

from collections.abc import Iterator

import pytest
from cathouse_kit.testing import free_port

from .gateway import Gateway, running_gateway


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def gateway_without_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Yield a gateway to a catalog that refuses connections. It tries again for seconds before it responds."""
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(folder, catalog=f"127.0.0.1:{free_port()}") as gateway:
        yield gateway
