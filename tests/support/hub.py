#!/usr/bin/env python3
"""A Hugging Face Hub for tests: two origins on loopback, the hub and its CDN, that can be told to fail.

In Python:

    with Hub() as hub:
        hub.add("org/model", {"config.json": "{}", "model.safetensors": (4 << 30, "seed")})
        fault = hub.fault(action="cut", kind="cdn", path="*.safetensors", at=1000000, times=1)
        ... hub.url ... hub.counters() ... hub.log()

As a program: hub.py --repo ORG/NAME=DIR --generate ORG/NAME:PATH=SIZE --print-ready, and from any process
`POST {control}/_control` with a JSON object: {"op": "fault", "action": "cut", ...}; see CONTROL_OPS. The faults are
listed in hub_faults.py. `GET {control}/_control` returns the counters.
"""
import argparse
import json
import os
import re
import signal
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from hub_cdn import Cdn  # noqa: E402
from hub_faults import Faults  # noqa: E402
from hub_http import Gone, Origin  # noqa: E402
from hub_record import Quotas, Record  # noqa: E402
from hub_repo import Repos  # noqa: E402
from hub_site import Site  # noqa: E402

CONTROL_OPS = ("fault", "remove_fault", "clear_faults", "fault_hits", "reset", "log", "counters", "down", "up",
               "expire_links", "quota", "set", "add_token", "rename", "protect", "commit", "delete_repo")


class Hub:
    """`tls`: (certificate file, key file). Ports 0 take free ones. Close it, or use it in a `with`."""

    def __init__(self, port=0, cdn_port=0, tls=None, host="127.0.0.1", cdn_host="127.0.0.2"):
        self.repos = Repos()
        self.faults = Faults()
        self.record = Record()
        self.quotas = Quotas()
        self.tokens = {}
        self.page_size = 1000
        self.link_seconds = 3600
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self.site = Site(self)
        self.cdn_site = Cdn(self)
        self.origin = Origin(host, port, self.site.on_request, context)
        self.cdn = Origin(cdn_host, cdn_port, self.cdn_site.on_request, context)
        self.control = Origin(host, 0, self.on_control)
        self.url = self.origin.url
        self.cdn_url = self.cdn.url
        self.control_url = self.control.url + "/_control"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for origin in (self.origin, self.cdn, self.control):
            origin.down()

    def add(self, name, files=None, folder=None):
        """A repository: `files` maps paths to bytes, text, (size, seed) or a Source. Returns the Repo."""
        return self.repos.add(name, files, folder=folder)

    def repo(self, name):
        return self.repos.by_id[name]

    def fault(self, **fields):
        return self.faults.add(**fields)

    def remove_fault(self, number):
        self.faults.remove(number)

    def clear_faults(self):
        self.faults.clear()

    def fault_hits(self, number):
        return self.faults.hits(number)

    def counters(self):
        """See Record.summary."""
        self.record.settle()
        return self.record.summary()

    def log(self):
        """One dictionary a request, in the order in which they came."""
        self.record.settle()
        with self.record.lock:
            return list(self.record.log)

    def reset(self):
        """Forgets counters, log and leaks; faults stay."""
        self.record.reset()

    def down(self):
        """Refuses all connections to hub and CDN from now on."""
        self.origin.down()
        self.cdn.down()

    def up(self):
        self.origin.up()
        self.cdn.up()

    def expire_links(self):
        """All signed addresses given out so far are refused from now on."""
        self.cdn_site.expire_links()

    def quota(self, name, requests, window):
        """name: api, resolvers or pages; `window` in seconds."""
        self.quotas.set(name, requests, window)

    def set(self, **fields):
        for name, value in fields.items():
            if name not in ("page_size", "link_seconds"):
                raise ValueError(name)
            setattr(self, name, value)

    def add_token(self, token, user="someone"):
        self.tokens[token] = user

    def protect(self, name, private=False, gated=False, readers=(), info_public=True):
        """`readers`: users that may read it. `info_public`: whether a gated repository shows info and tree to all."""
        repo = self.repo(name)
        repo.private, repo.gated, repo.info_public = private, gated, info_public
        repo.readers = set(readers)

    def rename(self, name, new_name):
        self.repos.rename(self.repo(name), new_name)

    def commit(self, name, files, **options):
        return self.repo(name).commit(files, **options)

    def delete_repo(self, name):
        with self.repos.lock:
            del self.repos.by_id[name]

    def on_control(self, exchange):
        try:
            if exchange.method == "GET":
                result = self.counters()
            else:
                asked = json.loads(exchange.body)
                op = asked.pop("op")
                if op not in CONTROL_OPS:
                    raise ValueError("no such op: %s" % op)
                result = getattr(self, op)(**asked)
            self.site.text(exchange, 200, {"Content-Type": "application/json"}, json.dumps(result) + "\n")
        except (Gone, OSError):
            raise
        except Exception as error:  # whatever was wrong with the request is the caller's to read
            self.site.text(exchange, 400, {"Content-Type": "application/json"}, json.dumps({"error": repr(error)}) + "\n")


def parse_size(text):
    match = re.fullmatch(r"(\d+)\s*([kmgt]?)(?:i?b)?", text.strip(), re.I)
    if not match:
        raise argparse.ArgumentTypeError("not a size: %s" % text)
    return int(match.group(1)) << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[match.group(2).lower()]


def arguments():
    parser = argparse.ArgumentParser(description="A Hugging Face Hub for tests, on loopback.")
    parser.add_argument("--port", type=int, default=0, help="of the hub; 0 takes a free one")
    parser.add_argument("--cdn-port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1", help="address of the hub")
    parser.add_argument("--cdn-host", default="127.0.0.2")
    parser.add_argument("--repo", action="append", default=[], metavar="ORG/NAME=DIR", help="serve a folder")
    parser.add_argument("--generate", action="append", default=[], metavar="ORG/NAME:PATH=SIZE[:SEED]",
                        help="serve generated content, for instance org/big:model.safetensors=4G")
    parser.add_argument("--token", action="append", default=[], metavar="TOKEN=USER")
    parser.add_argument("--private", action="append", default=[], metavar="ORG/NAME=USER[,USER]")
    parser.add_argument("--gated", action="append", default=[], metavar="ORG/NAME=USER[,USER]")
    parser.add_argument("--page-size", type=int, default=1000)
    parser.add_argument("--rate", type=parse_size, help="bytes a second of every content answer")
    parser.add_argument("--print-ready", action="store_true",
                        help="print one JSON line with the addresses when it answers")
    return parser.parse_args()


def fill(hub, args):
    for text in args.repo:
        name, _, folder = text.partition("=")
        hub.add(name, folder=folder)
    for text in args.generate:
        where, _, what = text.partition("=")
        name, _, path = where.partition(":")
        size, _, seed = what.partition(":")
        repo = hub.repos.by_id.get(name) or hub.add(name)
        repo.commit({path: (parse_size(size), seed or path)})
    for text in args.token:
        hub.add_token(*text.split("=", 1))
    for option in ("private", "gated"):
        for text in getattr(args, option):
            name, _, users = text.partition("=")
            hub.protect(name, **{option: "auto" if option == "gated" else True}, readers=users.split(","))
    hub.set(page_size=args.page_size)
    if args.rate:
        hub.fault(action="slow", kind="content", rate=args.rate)


def main():
    args = arguments()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Hub(args.port, args.cdn_port, host=args.host, cdn_host=args.cdn_host) as hub:
        fill(hub, args)
        if args.print_ready:
            print(json.dumps({"hub": hub.url, "cdn": hub.cdn_url, "control": hub.control_url, "pid": os.getpid()}),
                  flush=True)
        else:
            print("hub %s\ncdn %s\ncontrol %s" % (hub.url, hub.cdn_url, hub.control_url), flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
