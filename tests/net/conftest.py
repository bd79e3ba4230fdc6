"""What all network tests share: a LAN to fill with hosts, and a table of what was measured.

They need root, and say so where it is missing. LARDER_BUILD names the build directory with the programs (default: build/dev).
"""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lan as lans  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput") and not lans.cannot():  # once, where several workers run
        lans.remove_stale()


def pytest_collection_modifyitems(items):
    why = lans.cannot()
    if why:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_terminal_summary(terminalreporter):
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    figures = [value for report in reports for name, value in report.user_properties if name == "measured"]
    if figures:
        terminalreporter.write_sep("-", "measured")
        for what, figure in figures:
            terminalreporter.write_line("%-64s %s" % (what, figure))


@pytest.fixture
def lan():
    with lans.Lan() as lan:
        yield lan


@pytest.fixture
def measured(record_property):
    """measured(WHAT, FIGURE): shown at the end of the run; asserted nowhere."""
    return lambda what, figure: record_property("measured", (what, figure))


@pytest.fixture
def build():
    """build("tests/net/discovery_probe"): the path of a program."""
    return lambda program: os.path.join(TOP, os.environ.get("LARDER_BUILD", "build/dev"), program)
