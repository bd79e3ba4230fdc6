"""What runs on the hosts of a Lan: the test hub, nodes of larder, and liars.

    hub = HubHost(lan.host("hub"), {"org/model": {"big.bin": 24 << 20}})
    elm, oak = Machine(lan.host("elm"), build, hub), Machine(lan.host("oak"), build, hub)
    elm.start(); elm.ok("get", "org/model")
    oak.start(); oak.sees(elm)
    got = oak.get("org/model:big.bin")              # the JSON of `larder get`
    assert hub.content_bytes() == ...
"""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time

from lan import TSAN_SUPPRESSIONS, WITHIN

SUPPORT = os.path.dirname(TSAN_SUPPRESSIONS)
MIB = 1 << 20
PIECE = 64 * MIB
PORT = 18080
GET_S = 120


def until(condition, what, within=WITHIN):
    """What condition() returned when it was true at last."""
    end = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "not in %d s: %s" % (within, what)
        time.sleep(0.05)


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.hexdigest()


class HubHost:
    """hub.py on a host. `repos`: {name: {path: size}}; the bytes are random, the same ones in each run; or a file that is there is named in place of the size.
    `options` go to hub.py."""

    def __init__(self, host, repos, *options, address=None):
        self.host = host
        self.address = address or host.address
        self.folder = os.path.join(host.dir, "hub")
        self.repos = repos
        self.options = options
        for repo, files in repos.items():
            for path, size in files.items():
                self._write(repo, path, size)
        self.start()

    def _write(self, repo, path, size):
        os.makedirs(os.path.dirname(self.path(repo, path)), exist_ok=True)
        if isinstance(size, str):
            shutil.copyfile(size, self.path(repo, path))
            return
        with open(self.path(repo, path), "wb") as file:
            source = random.Random(repo + path)
            for at in range(0, size, PIECE):
                file.write(source.randbytes(min(PIECE, size - at)))

    def path(self, repo, path):
        """Where the genuine file is."""
        return os.path.join(self.folder, repo, path)

    def start(self):
        repos = sum((["--repo", "%s=%s" % (repo, os.path.join(self.folder, repo))] for repo in self.repos), [])
        self.process = self.host.start(sys.executable, os.path.join(SUPPORT, "hub.py"), "--host", self.address, "--port", str(PORT), "--cdn-host",
                                       self.address, "--print-ready", *repos, *self.options)
        ready = json.loads(self.process.wait_for(lambda line: line.startswith("{"))[1])
        self.url, self.control_url = ready["hub"], ready["control"]

    def stop(self):
        self.process.kill()

    def control(self, op=None, **fields):
        ask = ["curl", "-sS", "--noproxy", "*", self.control_url]
        if op:
            ask += ["-d", json.dumps({"op": op, **fields})]
        answer = json.loads(self.host.run(*ask))
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def content_bytes(self):
        return self.control()["content_bytes"]


class Result:
    def __init__(self, args, done):
        self.args, self.code, self.out, self.err = args, done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return "larder %s: code %d\n%s\n%s" % (" ".join(self.args), self.code, self.out, self.err)

    @property
    def json(self):
        return json.loads(self.out)


class Machine:
    """A home of larder on a host, with or without a node that stays. `env`: variables beyond those that every machine has."""

    def __init__(self, host, build, hub=None, env=None, home=None):
        self.host, self.build = host, build
        self.home = home or os.path.join(host.dir, "larder")
        self.node = None
        self.env = {"HOME": host.dir, "LARDER_HOME": self.home, "LARDER_MIN_FREE": "0", "LARDER_HUB": hub.url if hub else "http://127.0.0.1:9",
                    "XDG_CONFIG_HOME": host.dir, "XDG_CACHE_HOME": host.dir, "no_proxy": "*", "HF_TOKEN": "", **(env or {})}

    @property
    def address(self):
        return self.host.address

    def start(self, *flags, discovery="embedded"):
        """larderd, ready."""
        self.node = self.host.start(self.build("node/larderd"), "--name", self.host.name, "--discovery", discovery, "--log-level", "info", *flags, env=self.env)
        self.node.wait_for(lambda line: "is ready" in line, errors=True)
        return self

    def stop(self):
        code = self.node.stop()
        assert code == 0 and "Sanitizer" not in repr(self.node), self.node
        self.node = None

    def kill(self):
        """As when the power goes: no goodbye."""
        self.node.kill()
        self.node = None

    def popen(self, *args):
        """`larder` with these arguments, running."""
        return subprocess.Popen(self.host.inside(self.build("cli/larder"), *args), env={**os.environ, **self.env}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")

    def run(self, *args, within=GET_S):
        process = self.popen(*args)
        try:
            out, err = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("larder %s on %s did not end in %d s: %s\n%r" % (" ".join(args), self.host.name, within, process.communicate(), self.node)) from None
        assert "Sanitizer" not in err, err
        return Result(args, subprocess.CompletedProcess(args, process.returncode, out, err))

    def ok(self, *args):
        result = self.run(*args)
        assert result.code == 0, "%r\n%r" % (result, self.node)
        return result

    def get(self, name, *flags):
        return self.ok("get", name, "--json", *flags).json

    def peers(self):
        return self.ok("peers", "--json").json["peers"]

    def peer(self, name):
        """What is known of a node, by its name; None where it is unknown."""
        return next((peer for peer in self.peers() if peer["name"] == name), None)

    def sees(self, *others):
        """Wait until each of these machines, or names, is here as a peer."""
        for other in others:
            name = other if isinstance(other, str) else other.host.name
            until(lambda: (self.peer(name) or {}).get("here"), "%s sees %s" % (self.host.name, name))
        return self

    def knows_holder(self, other, digests):
        """Wait until that other one is known to hold so many digests."""
        until(lambda: (self.peer(other.host.name) or {}).get("digests", 0) >= digests, "%s knows what %s holds" % (self.host.name, other.host.name))
        return self

    def blob_path(self, digest):
        return os.path.join(self.home, "blobs", "sha256", digest[:2], digest)

    def blobs(self):
        """The digests that are held whole, as files."""
        return sorted(name for _, _, names in os.walk(os.path.join(self.home, "blobs")) for name in names if len(name) == 64)


class Liar:
    """tests/net/liar on a host: `mode` is one of its modes, `genuine` the file about which it lies. The machines `dials` are called by it."""

    def __init__(self, host, build, mode, genuine, *options, dials=()):
        addresses = sum((["--dial", machine.address + ":5273"] for machine in dials), [])
        self.host, self.name = host, mode
        os.makedirs(os.path.join(host.dir, "liar"), exist_ok=True)
        self.process = host.start(build("tests/net/liar"), mode, "--home", os.path.join(host.dir, "liar"), "--file", genuine, "--name", mode, "--port",
                                  "5273", *addresses, *options)
        self.process.wait_for(lambda line: '"ready"' in line)

    @property
    def address(self):
        return self.host.address + ":5273"

    def events(self, event):
        return [data for data in (json.loads(line) for _, line in list(self.process.lines)) if data["event"] == event]

    def stop(self):
        self.process.kill()
