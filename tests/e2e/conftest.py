"""What all end-to-end tests share: a test hub, and the larder program with a home of its own.

LARDER_BIN names the program (default: build/dev/cli/larder). Tests marked `asan` are also run with the program built with
sanitizers; LARDER_LONG=1 runs the long forms of some. Each process that runs tests has a network of its own where this can be.
"""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import own_network  # noqa: E402
from hub import Hub  # noqa: E402
from larder import Larder, binary  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "asan: also run with the program built with sanitizers")
    config.addinivalue_line("markers", "alone: run beside no other: counts what is under way when the program is killed, which is more on a busy machine")


def pytest_sessionstart(session):
    if not os.access(binary(), os.X_OK):
        raise pytest.UsageError("%s is not there: build it first (cmake --build --preset dev)" % binary())
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        own_network.enter()


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub
        assert hub.record.leaks == [], "a token reached another host than the hub"


@pytest.fixture
def larder(tmp_path, hub):
    larder = Larder(tmp_path, hub.url)
    yield larder
    larder.check()


@pytest.fixture
def other(tmp_path, hub):
    """A second machine, so to say: another home, the same hub."""
    other = Larder(tmp_path / "other", hub.url)
    yield other
    other.check()


@pytest.fixture
def model(hub):
    """org/model: small files, folders, an LFS file of five and a bit chunks."""
    from content import fill_model
    return fill_model(hub)


@pytest.fixture
def holder(larder, model):
    """A node on the home of `larder` that holds org/model."""
    from nodes import Node
    with Node(larder, "--name", "holder") as node:
        larder.ok("get", "org/model")
        yield node
