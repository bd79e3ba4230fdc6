"""A hub that is there and says nothing: programs that ask for what is remembered are answered soon, and from then on at once."""
import os
import signal
import subprocess
import sys
import time

import pytest

from machines import PORT as HUB_PORT
from machines import HubHost, Machine

FILES = {"big.bin": 3000000, "config.json": 700}
PORT = 5274
LONG = os.environ.get("LARDER_LONG") == "1"
AFTERWARDS = 500 if LONG else 20  # HEADs; in the long form beyond the time after which the hub is tried again, twice
PAUSE_S = 0.15 if LONG else 0
MANY_TIMES = 10  # the bar, that often: no test of a busy machine, one of what is wrong
FIRST_S, THEN_S = 3, 0.05
SILENT_S = 2  # for so long the hub may be silent before memory serves; that is waited for once

FULL = """
import socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(0)
callers = [socket.socket() for _ in range(4)]
for caller in callers:
    caller.setblocking(False)
    caller.connect_ex(listener.getsockname())
print("full", flush=True)
sys.stdin.read()
"""


def unplug(hub):
    """Packets are lost."""
    hub.host.unplug()


def halt(hub):
    """Connections are taken, by the system, and requests; no answer comes."""
    hub.process.signal(signal.SIGSTOP)


def fill(hub):
    """Nobody takes connections, and no more of them fit in the queue: packets are lost, of these alone."""
    hub.stop()
    hub.host.start(sys.executable, "-c", FULL, hub.address, str(HUB_PORT)).wait_for(lambda line: line == "full")


def head(oak, path, revision="main", *flags):
    """(status, seconds) as curl saw them."""
    url = "http://127.0.0.1:%d/org/model/resolve/%s/%s" % (PORT, revision, path)
    done = subprocess.run(oak.host.inside("curl", "-sI", "--noproxy", "*", *flags, "-o", "/dev/null", "-w", "%{http_code} %{time_total}", url), capture_output=True, text=True)
    status, seconds = done.stdout.split()
    return int(status), float(seconds)


@pytest.mark.parametrize("end", [unplug, halt, fill])
def test_black_hole(lan, build, measured, end):
    hub = HubHost(lan.host("hub"), {"org/model": FILES})
    oak = Machine(lan.host("oak"), build, hub).start("--gateway", "127.0.0.1:%d" % PORT)
    oak.ok("resolve", "org/model")
    end(hub)
    status, first = head(oak, "config.json")
    assert status == 200, oak.node
    then = []
    for n in range(AFTERWARDS):
        token = ("-H", "Authorization: Bearer hf_%d" % (n % 5)) if n % 3 else ()  # what one has waited for, others need not
        status, seconds = head(oak, "big.bin" if n % 2 else "config.json", "main", *token)
        assert status == 200, oak.node
        then.append(seconds)
        time.sleep(PAUSE_S)
    unknown, seconds = head(oak, "config.json", "unheard")
    assert unknown == 504
    what = "HEAD while the hub is a black hole (%s)" % end.__name__
    measured(what + ": first", "%.3f s" % first)
    measured(what + ": then", "%.4f s, at most %.4f s" % (sorted(then)[len(then) // 2], max(then)))
    measured(what + ": of what is not known", "%.3f s" % seconds)
    assert first < MANY_TIMES * FIRST_S
    assert sorted(then)[len(then) // 2] < MANY_TIMES * THEN_S
    assert max(then) < SILENT_S
