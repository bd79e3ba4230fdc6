"""A discovery_probe on a host: what it sees, and when."""
import itertools
import json

from lan import WITHIN

_numbers = itertools.count(1)


class Probe:
    """A node on `host` that only looks for others. `node` and `epoch` are 16 hexadecimal digits; made up when not given."""

    def __init__(self, program, host, mode="auto", name=None, node=None, epoch=None, port=5273, interfaces=()):
        number = next(_numbers)
        self.host = host
        self.node = node or "%016x" % (number << 32)
        self.epoch = epoch or "%016x" % (0xe000 + number)
        arguments = [name or host.name, self.node, self.epoch, "--mode", mode, "--port", str(port)]
        for interface in interfaces:
            arguments += ["--interface", interface]
        self.process = host.start(program, *arguments)
        self.started = self.wait("start")["t"]

    def __repr__(self):
        return repr(self.process)

    def events(self):
        return [json.loads(line) for _, line in list(self.process.lines)]

    def wait(self, event, since=0.0, within=WITHIN, **wanted):
        """The first event of this kind at `since` or later that has these values."""
        def matches(line):
            data = json.loads(line)
            return data["event"] == event and data["t"] >= since and all(data[key] == value for key, value in wanted.items())
        return json.loads(self.process.wait_for(matches, within)[1])

    def sees(self, other, since=0.0, within=WITHIN, **wanted):
        """The event in which it sees that other probe."""
        return self.wait("seen", since, within, node=other.node, epoch=other.epoch, **wanted)

    def misses(self, other, since=0.0, within=WITHIN, **wanted):
        return self.wait("gone", since, within, node=other.node, epoch=other.epoch, **wanted)

    def seen_now(self):
        """(node, epoch, interface, family) of all that it sees, as far as it has told."""
        seen = set()
        for event in self.events():
            if event["event"] in ("seen", "gone"):
                key = tuple(event[k] for k in ("node", "epoch", "interface", "family"))
                (seen.add if event["event"] == "seen" else seen.discard)(key)
        return seen

    def announce(self, generation, blobs=0):
        self.process.say("announce %d %d" % (generation, blobs))

    def refresh(self):
        self.process.say("refresh")

    def quit(self):
        self.process.say("quit")
        code = self.process.wait()
        assert code == 0, self
        assert "Sanitizer" not in repr(self), self
