#!/usr/bin/env python3
"""One blob from one host to another: larder against what one would use instead, on the same link in the same run.

usage: tests/bench/transfer.py [--size MIB] [--rounds N] [--only NAME,...] [--larder BIN_DIR] [--gigabit]

Two network namespaces joined by a veth pair, files in tmpfs. Each way brings the same 2 GiB once a round, from the start of its
command to its end, so that a busy minute hits all alike; the table, in Markdown on standard output, has the medians. With
--gigabit the link is shaped to 1 Gbit/s in both directions and the measure is iperf3.

curl takes the file from nginx in clear and checks nothing; "curl, openssl" hashes it afterwards, which is what one has to do to
know what came. aria2 fetches it by BitTorrent from an aria2 that seeds. rsync talks to an rsync daemon. larder's file is
encrypted on the way, proven, and in the store when `larder get` ends; the hub beside the giver only answers for the metadata.
Needs root, and: nginx, aria2, rsync, iperf3, curl, openssl.
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MIB = 1 << 20
GIVER, TAKER = "10.73.0.1", "10.73.0.2"
HUB_PORT = 18080
REPO = "org/big"
PATH = "model.safetensors"


class Link:
    """Two namespaces, a and b, with eth0 each."""

    def __init__(self):
        self.a, self.b = ("ldbench%d%s" % (os.getpid(), side) for side in "ab")

    def __enter__(self):
        for space in (self.a, self.b):
            run("ip", "netns", "add", space)
        run("ip", "-n", self.a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.b)
        for space, address in ((self.a, GIVER), (self.b, TAKER)):
            run("ip", "-n", space, "link", "set", "lo", "up")
            run("ip", "-n", space, "addr", "add", address + "/24", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_):
        for space in (self.a, self.b):
            subprocess.run(["ip", "netns", "del", space], check=False)

    def shape(self, rate):
        for space in (self.a, self.b):
            run("tc", "-n", space, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms")


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def inside(space, *command):
    return ["ip", "netns", "exec", space, *command]


class Bench:
    def __init__(self, args, link, work):
        self.args, self.link, self.work = args, link, work
        self.source = os.path.join(work, "source")
        self.file = os.path.join(self.source, PATH)
        self.servers = []
        self.env = {**os.environ, "LARDER_MIN_FREE": "0", "LARDER_HUB": "http://%s:%d" % (GIVER, HUB_PORT), "no_proxy": "*", "HF_TOKEN": "",
                    "HOME": work, "XDG_CACHE_HOME": work, "XDG_CONFIG_HOME": work}

    def make_file(self):
        os.makedirs(self.source)
        digest = hashlib.sha256()
        with open(self.file, "wb") as file:
            for _ in range(self.args.size):
                block = os.urandom(MIB)
                digest.update(block)
                file.write(block)
        self.sha256 = digest.hexdigest()

    # --- what serves

    def serve(self, space, *command, **options):
        log = open(os.path.join(self.work, "log-%d" % len(self.servers)), "wb")
        self.servers.append(subprocess.Popen(inside(space, *command), stdout=log, stderr=log, start_new_session=True, **options))
        return self.servers[-1]

    def stop(self, process):
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        process.wait()

    def start_nginx(self):
        conf = os.path.join(self.work, "nginx.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write("daemon off; worker_processes 2; pid %(w)s/nginx.pid; error_log stderr;\n"
                       "events { worker_connections 64; }\n"
                       "http { access_log off; sendfile on; client_body_temp_path %(w)s/n1; proxy_temp_path %(w)s/n2; fastcgi_temp_path %(w)s/n3;"
                       " uwsgi_temp_path %(w)s/n4; scgi_temp_path %(w)s/n5; server { listen %(a)s:8000; root %(s)s; } }\n"
                       % {"w": self.work, "a": GIVER, "s": self.source})
        os.chmod(self.work, 0o755)
        self.serve(self.link.a, "nginx", "-c", conf)

    def start_rsync(self):
        conf = os.path.join(self.work, "rsyncd.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write("use chroot = no\nport = 8730\naddress = %s\nuid = root\n[files]\npath = %s\n" % (GIVER, self.source))
        self.serve(self.link.a, "rsync", "--daemon", "--no-detach", "--config=" + conf)

    def start_seeder(self):
        torrent = os.path.join(self.work, "file.torrent")
        with open(torrent, "wb") as file:
            file.write(torrent_of(self.file, "http://%s:6969/announce" % GIVER))
        self.serve(self.link.a, sys.executable, os.path.abspath(__file__), "--tracker", "%s:6881" % GIVER)
        self.serve(self.link.a, "aria2c", "--seed-ratio=0.0", "-V", "--enable-dht=false", "--listen-port=6881", "--dir=" + self.source, torrent)

    def start_larder(self):
        self.hub_log = os.path.join(self.work, "log-%d" % len(self.servers))
        self.serve(self.link.a, sys.executable, os.path.join(TOP, "tests/support/hub.py"), "--host", GIVER, "--port", str(HUB_PORT),
                   "--cdn-host", GIVER, "--repo", "%s=%s" % (REPO, self.source), "--print-ready")
        wait_for(lambda: answers(self.link.b, "http://%s:%d/api/models/%s" % (GIVER, HUB_PORT, REPO)))
        self.larderd("a")
        self.larder("a", "get", REPO)

    def larderd(self, side):
        space = self.link.a if side == "a" else self.link.b
        process = self.serve(space, os.path.join(self.args.larder, "node/larderd"), "--home", os.path.join(self.work, "home-" + side), "--name", side,
                             "--interface", "eth0", "--discovery", "embedded", env=self.env)
        wait_for(lambda: b"ready" in open(os.path.join(self.work, "log-%d" % (len(self.servers) - 1)), "rb").read())
        return process

    def larder(self, side, *args, **options):
        space = self.link.a if side == "a" else self.link.b
        return run(*inside(space, os.path.join(self.args.larder, "cli/larder"), *args, "--home", os.path.join(self.work, "home-" + side)), env=self.env,
                   stdout=subprocess.PIPE, **options)

    def hub_content_bytes(self):
        with open(self.hub_log, encoding="ascii") as file:
            control = json.loads(file.readline())["control"]
        return json.loads(run(*inside(self.link.b, "curl", "-s", control), stdout=subprocess.PIPE).stdout)["content_bytes"]

    # --- what is measured: each returns seconds

    def timed(self, *commands):
        begun = time.monotonic()
        for command in commands:
            run(*inside(self.link.b, *command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - begun

    def curl(self):
        return self.timed(["curl", "-s", "-o", self.target, "http://%s:8000/%s" % (GIVER, PATH)])

    def curl_openssl(self):
        return self.timed(["curl", "-s", "-o", self.target, "http://%s:8000/%s" % (GIVER, PATH)], ["openssl", "dgst", "-sha256", self.target])

    def aria2(self):
        return self.timed(["aria2c", "--seed-time=0", "--enable-dht=false", "--listen-port=6882", "--file-allocation=none", "--dir=" + os.path.dirname(self.target),
                           os.path.join(self.work, "file.torrent")])

    def rsync(self):
        return self.timed(["rsync", "--inplace", "--whole-file", "rsync://%s:8730/files/%s" % (GIVER, PATH), self.target])

    def larder_peer(self):
        before = self.hub_content_bytes()
        shutil.rmtree(os.path.join(self.work, "home-b"), ignore_errors=True)
        daemon = self.larderd("b")
        wait_for(lambda: len(json.loads(self.larder("b", "peers", "--json").stdout)["peers"]) == 1)
        begun = time.monotonic()
        folder = self.larder("b", "get", REPO, "--quiet").stdout.decode().strip()
        seconds = time.monotonic() - begun
        self.stop(daemon)
        self.target_check = os.path.join(folder, PATH)
        if self.hub_content_bytes() != before:
            raise SystemExit("the hub sent content: this was no transfer between peers")
        return seconds

    def iperf3(self):
        out = run(*inside(self.link.b, "iperf3", "-J", "-R", "-t", "8", "-c", GIVER), stdout=subprocess.PIPE).stdout
        rate = json.loads(out)["end"]["sum_received"]["bits_per_second"] / 8
        return self.args.size * MIB / rate

    def measure(self, name, way):
        folder = os.path.join(self.work, "target")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        self.target = self.target_check = os.path.join(folder, PATH)
        seconds = way()
        if name != "iperf3" and sha256_of(self.target_check) != self.sha256:
            raise SystemExit("%s brought something else" % name)
        return seconds


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit("what was waited for did not happen in %d s" % seconds)
        time.sleep(0.05)


def answers(space, url):
    return subprocess.run(inside(space, "curl", "-s", "-f", "-m", "2", "-o", "/dev/null", url), check=False).returncode == 0


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, (bytes, str)):
        value = value.encode() if isinstance(value, str) else value
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def torrent_of(path, tracker):
    pieces = []
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            pieces.append(hashlib.sha1(piece).digest())
    return bencode({"announce": tracker, "info": {"name": PATH, "length": os.path.getsize(path), "piece length": MIB, "pieces": b"".join(pieces)}})


def be_tracker(seeder):
    """Tells everybody of the one seeder."""
    from http.server import BaseHTTPRequestHandler, HTTPServer
    host, port = seeder.split(":")
    peer = bytes(map(int, host.split("."))) + int(port).to_bytes(2, "big")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = bencode({"interval": 60, "peers": peer})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    HTTPServer((host, 6969), Handler).serve_forever()


def table(args, results):
    labels = {"curl": "curl from nginx, in clear, unchecked", "curl_openssl": "curl from nginx, then `openssl dgst -sha256`",
              "aria2": "aria2, BitTorrent", "rsync": "rsync daemon", "larder": "larder, peer to peer, proven and stored", "iperf3": "iperf3"}
    base = "iperf3" if args.gigabit else "curl"
    size = args.size * MIB
    print("| | MB/s | against %s |\n|---|---|---|" % base)
    for name, times in results.items():
        rate = size / statistics.median(times) / 1e6
        against = statistics.median(results[base]) / statistics.median(times) if base in results else float("nan")
        print("| %s | %.0f | %.2f |" % (labels[name], rate, against))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="curl, curl_openssl, aria2, rsync, larder, iperf3")
    parser.add_argument("--larder", default=os.path.join(TOP, "build/release"), help="the folder of the build")
    parser.add_argument("--gigabit", action="store_true")
    parser.add_argument("--tracker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.tracker:
        be_tracker(args.tracker)
    names = args.only.split(",") if args.only else ["iperf3", "curl", "larder"] if args.gigabit else ["curl", "curl_openssl", "aria2", "rsync", "larder"]
    with tempfile.TemporaryDirectory(prefix="larder-transfer-", dir="/dev/shm") as work, Link() as link:
        bench = Bench(args, link, work)
        starts = {"curl": bench.start_nginx, "aria2": bench.start_seeder, "rsync": bench.start_rsync, "larder": bench.start_larder,
                  "iperf3": lambda: bench.serve(link.a, "iperf3", "-s")}
        ways = {"curl": bench.curl, "curl_openssl": bench.curl_openssl, "aria2": bench.aria2, "rsync": bench.rsync, "larder": bench.larder_peer,
                "iperf3": bench.iperf3}
        try:
            bench.make_file()
            if args.gigabit:
                link.shape("1gbit")
            for name in starts:
                if name in names or (name == "curl" and "curl_openssl" in names):
                    starts[name]()
            time.sleep(1)  # for servers that do not say when they are ready
            results = {name: [] for name in names}
            for _ in range(args.rounds):
                for name in names:
                    results[name].append(bench.measure(name, ways[name]))
            table(args, results)
        finally:
            for process in bench.servers:
                bench.stop(process)


if __name__ == "__main__":
    main()
