"""Faults that the test hub can be told to show, and how they change one answer.

A fault is a dictionary: `action` and its parameters, and which requests it is for:
  kind   one word or a list: head, resolve, cached, cdn, tree, info, paths-info, refs, raw, whoami, xet, lfs, other, any
         (`head` is HEAD of a resolve address; HEAD elsewhere is the place's own word with `-head` behind it);
         "content" stands for resolve, cached and cdn; default any
  repo, path   globs over the repository's id and the file's path
  nth    the first matching request that is hit, from 1; times: how many are hit (default: all from there on)
  probability, seed   hits at random instead, the same way in each run
Actions:
  close, reset                    before any answer
  hang [seconds]                  silence; for good without `seconds`
  status code [headers body]      that answer instead
  busy [seconds form code]        429 with form "retry-after", "ratelimit" or "both"; clears after `times`
  portal [mode]                   a login page instead: mode "redirect" or "page"
  expire                          the signed address is refused as expired (CDN)
  cut at [reset]                  the body ends there, counted from its first byte; by FIN, or by RST
  expire-after at                 as cut, and all addresses signed so far are refused from then on
  stall at [seconds]              the body stops there
  flip at                         one bit of the byte at this offset of the file is wrong
  long extra                      so many bytes too many, and Content-Length says so
  short missing                   so many bytes too few, and Content-Length says so
  length delta                    Content-Length is wrong by that much, the body is right
  no-range                        200 and everything, whatever Range asked for
  range-header [delta]            Content-Range names another place than the one that is sent
  gzip                            Content-Encoding: gzip although nobody asked
  drop-headers names              leaves these headers out
  set-headers headers             sends these as well, or instead
  slow rate [shared]              bytes a second of each answer; `shared`: of all that it hits together, as one line has
"""
import fnmatch
import random
import threading

ACTIONS = ("close", "reset", "hang", "status", "busy", "portal", "expire", "cut", "expire-after", "stall", "flip",
           "long", "short", "length", "no-range", "range-header", "gzip", "drop-headers", "set-headers", "slow")
SLACK_S = 0.004
GROUPS = {"content": ("resolve", "cached", "cdn")}
DEFAULTS = {"kind": "any", "repo": "*", "path": "*", "nth": 1, "times": None}


class Line:
    """What several answers send through together."""

    def __init__(self, rate):
        self.rate = rate
        self.lock = threading.Lock()
        self.due = 0

    def wait_for(self, count, now):
        """Seconds to wait after these bytes were sent. A line does not make up for the time in which it was not used."""
        with self.lock:
            self.due = max(self.due, now - SLACK_S) + count / self.rate
            return self.due - now


class Fault:
    def __init__(self, number, **fields):
        if fields.get("action") not in ACTIONS:
            raise ValueError("no such fault: %s" % fields.get("action"))
        self.number = number
        self.fields = {**DEFAULTS, **fields}
        self.seen = 0
        self.hits = 0
        self.line = Line(fields["rate"]) if fields.get("shared") else None
        self.random = random.Random(fields.get("seed", 0)) if "probability" in fields else None

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    def get(self, name, default=None):
        return self.fields.get(name, default)

    def is_for(self, kind, repo, path):
        kinds = [self.kind] if isinstance(self.kind, str) else list(self.kind)
        kinds += [k for name in kinds for k in GROUPS.get(name, ())]
        if "any" not in kinds and kind not in kinds:
            return False
        return fnmatch.fnmatch(repo or "", self.fields["repo"]) and fnmatch.fnmatch(path or "", self.fields["path"])

    def hit(self):
        """Called once for each request it is for: whether this one is hit."""
        self.seen += 1
        if self.random is not None:
            here = self.random.random() < self.probability
        else:
            here = self.seen >= self.nth
        if not here or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


class Faults:
    """The faults in force; safe to use from all of the hub's threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.all = []
        self.last = 0

    def add(self, **fields):
        with self.lock:
            self.last += 1
            self.all.append(Fault(self.last, **fields))
            return self.last

    def remove(self, number):
        with self.lock:
            self.all = [f for f in self.all if f.number != number]

    def clear(self):
        with self.lock:
            self.all = []

    def hits(self, number):
        with self.lock:
            return sum(f.hits for f in self.all if f.number == number)

    def pick(self, kind, repo, path):
        """The faults that hit this request, by action."""
        with self.lock:
            return {f.action: f for f in self.all if f.is_for(kind, repo, path) and f.hit()}
