"""One option for all tests: the devices that kernels run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

DEVICES = ("cpu", "cuda")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --device: repeatable; without it every device is tried, and those not here are skipped."""
    parser.addoption(
        "--device", action="append", choices=DEVICES, default=None, help="device of kernel tests; repeatable"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test that asks for `device` on every chosen device."""
    if "device" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--device") or list(DEVICES)
        metafunc.parametrize("device", chosen, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Bakes of the tests are kept for one run, in its own folder: neither read from the user's cache nor left there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AVI_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    """The device of the test, "cpu" or "cuda"."""
    name: str = request.param
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return name
