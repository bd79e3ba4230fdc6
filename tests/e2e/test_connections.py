"""Several connections for one large file: when one does not fill the line, and what becomes of them when things go wrong.

The hub keeps each answer to RATE here, as a CDN does that is far away; each byte is asked for once all the same."""
import os
import signal
import time

import pytest
from content import MIB, files_of, same
from larder import DONE

RATE = 19 * MIB
SIZE = 240 * MIB + 77
NAME = "big.safetensors"
SEVERAL = 4  # lanes.h: LANES_MAX, and LANES_SHARE
SHARE = 32


@pytest.fixture
def big(hub):
    hub.fault(action="slow", kind="cdn", rate=RATE)
    return hub.add("org/big", {NAME: (SIZE, "big")})


def assert_got(result, repo):
    assert result.code == DONE, result
    assert same(files_of(repo)[NAME], os.path.join(result.folder, NAME))


def wait_for(process, condition):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def end_of(larder, process, *args):
    out, err = process.communicate(timeout=90)
    assert process.returncode == DONE, err
    return out.strip()


@pytest.mark.asan
def test_several_for_a_large_file(hub, larder, big):
    assert_got(larder.ok("get", "org/big"), big)
    counters = hub.counters()
    assert counters["most_at_once"]["cdn"] == SEVERAL
    assert counters["content_bytes"] == SIZE
    assert counters["requests"]["resolve"] == 1  # one signed address serves all
    larder.ok("verify")


def test_one_for_a_file_that_is_not_large(hub, larder):
    repo = hub.add("org/big", {NAME: (180 * MIB, "big")})
    assert_got(larder.ok("get", "org/big"), repo)
    assert hub.counters()["requests"]["cdn"] == 1


def test_eight_files_do_not_open_four_each(hub, larder):
    hub.fault(action="slow", kind="cdn", rate=2 * RATE)
    repo = hub.add("org/eight", {"%d.bin" % n: (200 * MIB, n) for n in range(8)})
    folder = larder.ok("get", "org/eight").folder
    for n in range(8):
        assert same(files_of(repo)["%d.bin" % n], os.path.join(folder, "%d.bin" % n))
    counters = hub.counters()
    assert counters["content_bytes"] == 8 * 200 * MIB
    assert counters["most_at_once"]["cdn"] <= 13  # eight, and those that hub.h lets in while there are fewer


@pytest.mark.asan
def test_a_line_that_one_fills(hub, larder):
    hub.fault(action="slow", kind="cdn", rate=RATE, shared=True)
    repo = hub.add("org/big", {NAME: (200 * MIB, "big")})
    assert_got(larder.ok("get", "org/big"), repo)
    assert hub.counters()["content_bytes"] == 200 * MIB


@pytest.mark.asan
def test_ranges_ignored(hub, larder):
    repo = hub.add("org/big", {NAME: (SIZE, "big")})
    hub.fault(action="no-range", kind="cdn")
    assert_got(larder.ok("get", "org/big"), repo)
    counters = hub.counters()
    assert counters["requests"]["cdn"] == 1 and counters["content_bytes"] == SIZE


def test_ranges_ignored_from_the_second_on(hub, larder):
    """What the first brought is passed over by the one that goes on alone, as it always was."""
    repo = hub.add("org/big", {NAME: (SIZE, "big")})
    hub.fault(action="slow", kind="cdn", rate=RATE, times=1)
    hub.fault(action="no-range", kind="cdn", nth=2)
    assert_got(larder.ok("get", "org/big"), repo)
    assert hub.counters()["requests"]["cdn"] == 2 + SEVERAL


@pytest.mark.asan
def test_addresses_that_expire_midway(hub, larder, big):
    process = larder.start("get", "org/big")
    for moment in (100 * MIB, 200 * MIB):
        wait_for(process, lambda: hub.counters()["content_bytes"] > moment)
        hub.expire_links()
    folder = end_of(larder, process)
    assert same(files_of(big)[NAME], os.path.join(folder, NAME))
    counters = hub.counters()
    assert counters["content_bytes"] == SIZE
    assert counters["requests"]["resolve"] <= 1 + 2 * SEVERAL


@pytest.mark.asan
@pytest.mark.parametrize("reset", [False, True])
def test_some_are_cut(hub, larder, big, reset):
    hub.fault(action="cut", kind="cdn", at=MIB // 2, nth=6, times=3, reset=reset)
    assert_got(larder.ok("get", "org/big"), big)
    counters = hub.counters()
    assert counters["content_bytes"] <= SIZE + 3 * MIB
    assert counters["most_at_once"]["cdn"] == SEVERAL


@pytest.mark.asan
@pytest.mark.parametrize("refusal", [{"action": "busy", "seconds": 1}, {"action": "status", "code": 503}], ids=str)
def test_several_are_not_welcome(hub, larder, big, refusal):
    """Some are refused once there are several; one goes on, with the patience that one has."""
    hub.fault(kind="cdn", nth=3, times=3, **refusal)
    assert_got(larder.ok("get", "org/big"), big)
    assert hub.counters()["content_bytes"] <= SIZE + SEVERAL * MIB


@pytest.mark.alone
def test_killed_while_there_are_several(hub, larder, big):
    process = larder.start("get", "org/big")
    wait_for(process, lambda: hub.counters()["content_bytes"] > 200 * MIB)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert hub.counters()["most_at_once"]["cdn"] > 1
    assert_got(larder.ok("get", "org/big"), big)
    assert hub.counters()["content_bytes"] <= SIZE + SIZE // SHARE * (SEVERAL + 1) // SEVERAL + 2 * MIB
