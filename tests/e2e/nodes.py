"""Nodes that stay, on 127.0.0.1: larderd with a home of its own, found by nobody but those that are told its port."""
import os
import re
import signal
import subprocess
import threading
import time

from larder import TOP, with_sanitizers

READY_S = 60
WAIT_S = 60


def daemon_binary():
    return os.path.join(TOP, "build/%s/node/larderd" % ("asan" if with_sanitizers() else "dev"))


class Node:
    """larderd on the home of a Larder. What it logs is kept in `log`."""

    def __init__(self, larder, *flags, peers=(), env=None):
        self.larder = larder
        self.log = ""
        self.ready = threading.Event()
        args = [daemon_binary(), "--discovery", "off", "--listen", "127.0.0.1", *flags]
        for peer in peers:
            args += ["--peer", peer.address]
        self.process = subprocess.Popen(args, env=larder.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self.ready.wait(READY_S) and self.port, "larderd is not ready:\n" + self.log

    port = None
    gateway = None

    def _read(self):
        for line in self.process.stderr:
            self.log += line
            found = re.search(r"is ready: .* port (\d+), .* gateway (\S+)", line)
            if found:
                self.port = int(found[1])
                self.gateway = None if found[2] == "off" else found[2]
                self.ready.set()
        self.ready.set()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self.reader.join(10)
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        code = self.stop()
        assert code in (0, -signal.SIGKILL), "larderd ended with %d:\n%s" % (code, self.log)

    def peers(self):
        return self.larder.ok("peers", "--json").json["peers"]

    def status(self):
        return self.larder.ok("status", "--json").json["node"]


def knows(larder, *nodes):
    """What larder is run from now on is told of these nodes."""
    larder.env["LARDER_PEER"] = ",".join(node.address for node in nodes)


def wait_for(condition, what):
    """Until condition() is true; what it returned."""
    end = time.monotonic() + WAIT_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "not in %d s: %s" % (WAIT_S, what)
        time.sleep(0.05)


def wait_for_peers(node, count):
    return wait_for(lambda: len([p for p in node.peers() if p["here"]]) == count, "%d peers" % count)
