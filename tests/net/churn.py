#!/usr/bin/env python3
"""Peers that start, die and lie, for a while, around two nodes that stay: does every get end, and does nothing grow?

usage: tests/net/churn.py [--minutes N] [--build DIR] [--seed N]

Over loopback, with the build that has the address sanitizer. Each step does one of: start a node, end one, kill one, start a liar of some mode for some seconds, drop a
file somewhere and get it again (from peers, the hub being told not to give), or from the hub. The nodes that stay are asked for their memory and descriptors now and then.
Prints a line a minute and a summary; ends with 1 where a get failed or was stuck, a byte was wrong, memory or descriptors grew, or a sanitizer spoke.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
from hub import Hub  # noqa: E402

MIB = 1 << 20
FILES = {"small.bin": (300000, "small"), "middle.bin": (9 * MIB + 5, "middle"), "large.bin": (40 * MIB, "large"), "config.json": b'{"a": 1}\n' * 1000}
LIARS = ("wrong-chunk", "other-file", "head", "wrong-size", "silent", "silent-other", "no-chain", "holdings", "busy", "drip", "gaps", "garbage", "oversized", "flood",
         "replay", "wrong-group", "stall")
GET_S = 120


class Node:
    def __init__(self, churn, number):
        self.churn, self.number = churn, number
        self.home = os.path.join(churn.work, "node%d" % number)
        self.address = "127.0.0.%d" % (20 + number)
        self.process = None

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        peers = [n.address + ":5273" for n in self.churn.nodes if n is not self]
        self.log = open(self.home + ".log", "ab")
        self.process = subprocess.Popen(
            [self.churn.larderd, "--home", self.home, "--name", "node%d" % self.number, "--discovery", "off", "--listen", self.address + ":5273", "--log-level", "info",
             *sum((["--peer", p] for p in peers), [])], env=self.churn.env, stderr=self.log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not os.path.exists(os.path.join(self.home, "control")) and time.monotonic() < until and self.runs:
            time.sleep(0.05)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.churn.trouble("node%d did not end in 20 s" % self.number)
            self.process.kill()
            code = self.process.wait()
        if how == signal.SIGTERM and code != 0:
            self.churn.trouble("node%d ended with %d" % (self.number, code))
        if how == signal.SIGKILL and os.path.exists(os.path.join(self.home, "control")):
            os.unlink(os.path.join(self.home, "control"))

    def larder(self, *args, env=None):
        return subprocess.run([self.churn.larder, *args, "--home", self.home], env={**self.churn.env, **(env or {})}, capture_output=True, text=True, timeout=GET_S, check=False)

    def memory(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            kib = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        return kib / 1024, len(os.listdir("/proc/%d/fd" % self.process.pid))


class Churn:
    def __init__(self, args, hub, work):
        self.args, self.hub, self.work = args, hub, work
        self.larder, self.larderd = (os.path.join(args.build, p) for p in ("cli/larder", "node/larderd"))
        self.liar = os.path.join(args.build, "tests/net/liar")
        self.random = random.Random(args.seed)
        self.troubles, self.gets, self.liars, self.count = [], 0, [], {}
        self.env = {"PATH": os.environ["PATH"], "HOME": work, "LARDER_HUB": hub.url, "LARDER_MIN_FREE": "0", "LARDER_DISCOVERY": "off",
                    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=8:malloc_context_size=5"}
        self.nodes = [Node(self, n) for n in range(6)]
        self.stay = self.nodes[:2]
        self.samples = []

    def trouble(self, text):
        print("trouble: " + text, flush=True)
        self.troubles.append(text)

    def setup(self):
        self.repo = self.hub.add("org/model", FILES)
        files = self.repo.find("main").files
        self.sha256 = {path: hashlib.sha256(entry.source.read(0, entry.size)).hexdigest() for path, entry in files.items()}
        self.genuine = os.path.join(self.work, "genuine")
        with open(self.genuine, "wb") as file:
            file.write(files["large.bin"].source.read(0, files["large.bin"].size))
        for node in self.nodes:
            node.start()
        result = self.nodes[0].larder("get", "org/model", "-q")
        if result.returncode:
            raise SystemExit("the first get failed: " + result.stderr)

    # --- steps

    def get(self):
        node = self.random.choice([n for n in self.nodes if n.runs])
        path = self.random.choice(sorted(FILES))
        node.larder("rm", "org/model:" + path, "-q")
        held = node is not self.stay[0] and self.stay[0].runs
        try:
            result = node.larder("get", "org/model:" + path, "--json")
        except subprocess.TimeoutExpired:
            self.trouble("a get of %s at node%d was stuck for %d s" % (path, node.number, GET_S))
            return
        self.gets += 1
        if result.returncode:
            self.trouble("a get of %s at node%d ended with %d: %s" % (path, node.number, result.returncode, result.stderr.strip()))
            return
        answer = json.loads(result.stdout)
        with open(answer["path"], "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != self.sha256[path]:
                self.trouble("wrong bytes of %s at node%d" % (path, node.number))
        for key in ("bytes_from_hub", "bytes_from_peers", "bytes_wasted"):
            self.count[key] = self.count.get(key, 0) + answer.get(key, 0)
        self.count["with a holder"] = self.count.get("with a holder", 0) + bool(held)

    def start_or_end(self):
        node = self.random.choice(self.nodes[2:])
        if not node.runs:
            node.start()
        else:
            node.end(self.random.choice([signal.SIGTERM, signal.SIGKILL]))

    def lie(self):
        mode = self.random.choice(LIARS)
        home = tempfile.mkdtemp(dir=self.work)
        dials = sum((["--dial", n.address + ":5273"] for n in self.nodes if n.runs), [])
        process = subprocess.Popen([self.liar, mode, "--home", home, "--file", self.genuine, "--name", mode, *dials], env=self.env, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.liars.append((time.monotonic() + self.random.uniform(2, 15), process, home))

    def end_liars(self, all_of_them=False):
        for entry in list(self.liars):
            at, process, home = entry
            if all_of_them or time.monotonic() > at or process.poll() is not None:
                process.kill()
                process.wait()
                shutil.rmtree(home, ignore_errors=True)
                self.liars.remove(entry)

    def look(self, minutes):
        for node in self.stay:
            if not node.runs:
                self.trouble("node%d is gone" % node.number)
                node.start()
        memory = [node.memory() for node in self.stay]
        self.samples.append(memory)
        print("%5.1f min: %d gets, %s; %s" % (minutes, self.gets, ", ".join("%s %.0f MB" % (k, v / 1e6) for k, v in sorted(self.count.items()) if k.startswith("bytes")),
                                              ", ".join("%.0f MiB and %d descriptors" % m for m in memory)), flush=True)

    def run(self):
        begun = last = time.monotonic()
        while time.monotonic() - begun < self.args.minutes * 60:
            step = self.random.choices([self.get, self.start_or_end, self.lie], [10, 3, 3])[0]
            step()
            self.end_liars()
            if time.monotonic() - last > 60:
                last = time.monotonic()
                self.look((last - begun) / 60)
        self.look((time.monotonic() - begun) / 60)

    def finish(self):
        self.end_liars(True)
        for node in self.nodes:
            if node.runs:
                node.end()
        for node in self.nodes:
            with open(node.home + ".log", encoding="utf-8", errors="replace") as file:
                text = file.read()
            for word in ("Sanitizer", "runtime error", "Assertion"):
                if word in text:
                    at = text.index(word)
                    self.trouble("node%d: %s" % (node.number, text[max(0, at - 300):at + 1500]))
        self.check_growth()

    def check_growth(self):
        """The later half against the first: the highest of each."""
        if len(self.samples) < 6:
            return
        half = len(self.samples) // 2
        for i, node in enumerate(self.stay):
            for what, k, most in (("MiB", 0, 1.25), ("descriptors", 1, 1.5)):
                before, after = (max(sample[i][k] for sample in part) for part in (self.samples[1:half], self.samples[half:]))
                if after > before * most + 16:
                    self.trouble("node%d grew from %.0f to %.0f %s" % (node.number, before, after, what))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--build", default=os.path.join(TOP, "build/asan"))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print("seed %d" % args.seed, flush=True)
    work = tempfile.mkdtemp(prefix="larder-churn-")
    with Hub() as hub:
        churn = Churn(args, hub, work)
        try:
            churn.setup()
            churn.run()
        finally:
            churn.finish()
    print("%d gets, %d troubles" % (churn.gets, len(churn.troubles)))
    if churn.troubles:
        print("logs are in %s" % work)
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
