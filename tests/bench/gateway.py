#!/usr/bin/env python3
"""Files through the gateway of a node, against nginx that serves them from the same disk, and against the hub asked directly.

usage: tests/bench/gateway.py [--size MIB] [--rounds N] [--larder BIN_DIR]

Over loopback, files in tmpfs. Warm: the node holds the file. Cold: a node without it, and a test hub whose bodies come at 60 MB a second, so that the
line is what limits; first byte and whole file are those of one GET each, by the gateway and straight from the hub (curl -L). Dropped: the client has
the kernel drop the bytes, so that it is the server that limits. HEAD: one kept connection, one after the other. 64 at once: 64 whole GETs of a file
of 16 MiB by one curl. The table, in Markdown on standard output, has medians of all rounds. Needs: nginx, curl.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MIB = 1 << 20
HUB_RATE = "60M"
SMALL_MIB = 16
HEADS = 3000
AT_ONCE = 64


class Bench:
    def __init__(self, args, work):
        self.args, self.work, self.servers = args, work, []
        self.source = os.path.join(work, "source")
        os.makedirs(self.source)
        for name, size in (("big.bin", args.size), ("small.bin", SMALL_MIB)):
            with open(os.path.join(self.source, name), "wb") as file:
                for _ in range(size):
                    file.write(os.urandom(MIB))

    def serve(self, *command, **env):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "LARDER_MIN_FREE": "0", "HF_TOKEN": "", "no_proxy": "*", "HOME": self.work, **env})
        self.servers.append(process)
        return process

    def start_hub(self, *options):
        process = self.serve(sys.executable, os.path.join(TOP, "tests/support/hub.py"), "--repo", "org/model=" + self.source, "--print-ready", *options)
        return json.loads(process.stdout.readline())["hub"]

    def start_node(self, name, hub):
        """Its gateway's address."""
        process = self.serve(os.path.join(self.args.larder, "node/larderd"), "--home", os.path.join(self.work, name), "--discovery", "off", "--listen", "127.0.0.1",
                             "--gateway", "off,127.0.0.1:0", LARDER_HUB=hub)
        for line in process.stderr:
            if "is ready" in line:
                return line.split("gateway ")[1].split()[0]
        raise SystemExit("larderd is not ready")

    def start_nginx(self):
        conf = os.path.join(self.work, "nginx.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write("daemon off; worker_processes 2; pid %(w)s/nginx.pid; error_log stderr;\nevents { worker_connections 256; }\n"
                       "http { access_log off; sendfile on; keepalive_requests 1000000; client_body_temp_path %(w)s/n1; proxy_temp_path %(w)s/n2; fastcgi_temp_path %(w)s/n3;"
                       " uwsgi_temp_path %(w)s/n4; scgi_temp_path %(w)s/n5; server { listen 127.0.0.1:18000; root %(s)s; } }\n" % {"w": self.work, "s": self.source})
        os.chmod(self.work, 0o755)
        self.serve("nginx", "-c", conf)
        time.sleep(0.5)
        return "http://127.0.0.1:18000"

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        process.wait()
        self.servers.remove(process)


def get(url, many=1):
    """(seconds to the first byte, seconds in all)"""
    command = ["curl", "-sfL", "--noproxy", "*", "-w", "%{time_starttransfer}\n"] + (["-Z", "--parallel-max", str(many)] if many > 1 else [])
    for _ in range(many):
        command += ["-o", "/dev/null", url]
    begun = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[0]), time.monotonic() - begun


def take_seconds(url):
    """Of a whole file, whose bytes the client has the kernel drop: then it is the server that limits, where curl would."""
    host, _, path = url.removeprefix("http://").partition("/")
    address, port = host.split(":")
    with socket.create_connection((address, int(port))) as connection:
        begun = time.monotonic()
        connection.sendall(("GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, host)).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        left = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        buffer = bytearray(MIB)
        while left:
            taken = connection.recv_into(buffer, min(left, MIB), socket.MSG_TRUNC)
            if not taken:
                raise SystemExit("%s was cut off" % url)
            left -= taken
        return time.monotonic() - begun


def head_seconds(url):
    """Of one HEAD, on average."""
    host, _, path = url.removeprefix("http://").partition("/")
    address, port = host.split(":")
    ask = ("HEAD /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, host)).encode()
    with socket.create_connection((address, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(HEADS + 1):
            if i == 1:
                begun = time.monotonic()
            connection.sendall(ask)
            answer = b""
            while b"\r\n\r\n" not in answer:
                more = connection.recv(65536)
                if not more:
                    raise SystemExit("HEAD %d: the connection was closed" % i)
                answer += more
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit("HEAD: %r" % answer[:200])
        return (time.monotonic() - begun) / HEADS


def commit_of(hub):
    return json.loads(subprocess.run(["curl", "-sf", "--noproxy", "*", hub + "/api/models/org/model"], check=True, capture_output=True).stdout)["sha"]


def measure(bench):
    args, found = bench.args, {}
    quick, slow = bench.start_hub(), bench.start_hub("--rate", HUB_RATE)
    nginx, warm = bench.start_nginx(), bench.start_node("warm", quick)
    names = {name: "%s/org/model/resolve/%s/%s" % (warm, commit_of(quick), name) for name in ("big.bin", "small.bin")}
    for url in names.values():
        get(url)
    for number in range(args.rounds):
        cold, home = bench.start_node("cold%d" % number, slow), os.path.join(bench.work, "cold%d" % number)
        rest = "/org/model/resolve/%s/small.bin" % commit_of(slow)
        for name, value in (("warm, nginx", get(nginx + "/big.bin")[1]), ("warm, gateway", get(names["big.bin"])[1]),
                            ("warm, dropped, nginx", take_seconds(nginx + "/big.bin")), ("warm, dropped, gateway", take_seconds(names["big.bin"])),
                            ("64 at once, nginx", get(nginx + "/small.bin", AT_ONCE)[1]), ("64 at once, gateway", get(names["small.bin"], AT_ONCE)[1]),
                            ("HEAD, nginx", head_seconds(nginx + "/big.bin")), ("HEAD, gateway", head_seconds(names["big.bin"]))):
            found.setdefault(name, []).append(value)
        for name, url in (("hub", slow + rest), ("gateway", cold + rest)):
            first, whole = get(url)
            found.setdefault("cold, " + name, []).append(whole)
            found.setdefault("cold, first byte, " + name, []).append(first)
        bench.stop(bench.servers[-1])
        shutil.rmtree(home)
    return {name: statistics.median(values) for name, values in found.items()}


def table(args, found):
    print("| | beside it | gateway | ratio |\n|---|---|---|---|")
    for name, beside, size in (("warm", "nginx", args.size), ("warm, dropped", "nginx", args.size),
                               ("64 at once", "nginx", SMALL_MIB * AT_ONCE), ("cold", "hub", SMALL_MIB)):
        other, ours = found["%s, %s" % (name, beside)], found[name + ", gateway"]
        print("| %s GET, against %s | %.0f MB/s | %.0f MB/s | %.2f |" % (name, beside, size * MIB / other / 1e6, size * MIB / ours / 1e6, other / ours))
    for name, beside in (("cold, first byte", "hub"), ("HEAD", "nginx")):
        other, ours = found["%s, %s" % (name, beside)], found[name + ", gateway"]
        print("| %s, against %s | %.3f ms | %.3f ms | %+.3f ms |" % (name, beside, other * 1e3, ours * 1e3, (ours - other) * 1e3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--larder", default=os.path.join(TOP, "build/release"), help="the folder of the build")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="larder-gateway-", dir="/dev/shm") as work:
        bench = Bench(args, work)
        try:
            table(args, measure(bench))
        finally:
            for process in list(bench.servers):
                bench.stop(process)


if __name__ == "__main__":
    main()
