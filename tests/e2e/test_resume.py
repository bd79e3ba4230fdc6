"""kill -9 at random moments: each start goes on where the last one was, and nothing is loaded twice."""
import os
import random
import signal
import time

import pytest
from content import MIB, files_of, same

LONG = os.environ.get("LARDER_LONG") == "1"
KILLS = int(os.environ.get("LARDER_KILLS", 50 if LONG else 10))
RATE = 112 * MIB  # a line of 1 Gbit/s; the faster it is, the more is on its way when the end comes


def kill_at(larder, hub, bytes_sent, args, number=signal.SIGKILL, after=0.0):
    """Starts a get and ends it once the hub has sent so many bytes in all; the code, or None when it was done before."""
    process = larder.start(*args)
    while hub.counters()["content_bytes"] < bytes_sent:
        if process.poll() is not None:
            out, err = process.communicate()
            assert process.returncode == 0, err
            return None
        time.sleep(0.001)
    time.sleep(after)
    process.send_signal(number)
    process.communicate(timeout=20)
    return process.returncode


@pytest.mark.alone
def test_killed_again_and_again(hub, larder):
    size = (1 << 30) + 12345
    repo = hub.add("org/big", {"big.safetensors": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=RATE)
    chance = random.Random(int(os.environ.get("LARDER_SEED", 1)))
    moments = sorted(chance.randrange(size) for _ in range(KILLS))
    killed = 0
    for moment in moments:
        code = kill_at(larder, hub, moment, ["get", "org/big"], after=chance.random() * 0.02)
        killed += code == -signal.SIGKILL
        assert not larder.has_blob(files_of(repo)["big.safetensors"].sha256) or code is None
    got = larder.ok("get", "org/big")
    assert same(files_of(repo)["big.safetensors"], os.path.join(got.folder, "big.safetensors"))
    sent = hub.counters()["content_bytes"]
    assert killed >= KILLS - 1
    assert sent <= 1.02 * size + killed * MIB, "%d killed, %.1f MiB too many" % (killed, (sent - size) / MIB)
    larder.ok("verify")
    assert not os.listdir(os.path.join(larder.home, "partial"))


@pytest.mark.asan
def test_killed_once(hub, larder):
    size = 30 * MIB + 5
    repo = hub.add("org/big", {"big.safetensors": (size, "big"), "small.txt": "small"})
    hub.fault(action="slow", kind="cdn", rate=10 * MIB)  # a busy machine may take 0.1 s to end it
    assert kill_at(larder, hub, 15 * MIB, ["get", "org/big"]) == -signal.SIGKILL
    got = larder.ok("get", "org/big")
    assert same(files_of(repo)["big.safetensors"], os.path.join(got.folder, "big.safetensors"))
    assert hub.counters()["content_bytes"] <= 1.02 * size + MIB


@pytest.mark.asan
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end(hub, larder, number):
    size = 60 * MIB
    repo = hub.add("org/big", {"big.safetensors": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=40 * MIB)
    begun = time.monotonic()
    code = kill_at(larder, hub, 20 * MIB, ["get", "org/big"], number)
    assert code not in (0, None) and time.monotonic() - begun < 10
    assert code in (-number, 128 + number, 1), code
    got = larder.ok("get", "org/big")
    assert same(files_of(repo)["big.safetensors"], os.path.join(got.folder, "big.safetensors"))
    assert hub.counters()["content_bytes"] <= 1.02 * size + MIB


def test_how_far_it_is(hub, larder):
    size = 40 * MIB
    hub.add("org/big", {"big.safetensors": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=40 * MIB)
    assert kill_at(larder, hub, 20 * MIB, ["get", "org/big"]) == -signal.SIGKILL
    [told] = larder.ok("ls", "--json").json["incomplete"]
    assert told["size"] == size and 0 < told["have"] < size and told["have"] % MIB == 0
    assert told["percent"] == told["have"] * 100 // size
    [line] = [line for line in larder.ok("ls").out.splitlines() if "org/big" in line]
    assert "incomplete, %d%%" % told["percent"] in line
    larder.ok("get", "org/big")
    assert larder.ok("ls", "--json").json["incomplete"] == []


def test_a_damaged_partial_file_is_noticed(hub, larder):
    size = 40 * MIB
    repo = hub.add("org/big", {"big.safetensors": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=40 * MIB)
    assert kill_at(larder, hub, 20 * MIB, ["get", "org/big"]) == -signal.SIGKILL
    folder = os.path.join(larder.home, "partial")
    large = max((os.path.join(folder, n) for n in os.listdir(folder)), key=os.path.getsize)
    with open(large, "r+b") as file:
        file.seek(5 * MIB + 3)
        byte = file.read(1)[0]
        file.seek(5 * MIB + 3)
        file.write(bytes([byte ^ 4]))
    hub.reset()
    got = larder.ok("get", "org/big")
    assert same(files_of(repo)["big.safetensors"], os.path.join(got.folder, "big.safetensors"))
    assert hub.counters()["content_bytes"] <= size - 5 * MIB  # what lies before the damage is not loaded again


def test_a_new_version_midway(hub, larder):
    repo = hub.add("org/big", {"big.safetensors": (40 * MIB, "old")})
    hub.fault(action="slow", kind="cdn", rate=40 * MIB)
    assert kill_at(larder, hub, 20 * MIB, ["get", "org/big"]) == -signal.SIGKILL
    repo.commit({"big.safetensors": (40 * MIB, "new")})
    got = larder.ok("get", "org/big")
    assert same(files_of(repo)["big.safetensors"], os.path.join(got.folder, "big.safetensors"))
