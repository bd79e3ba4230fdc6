"""Where a client finds itself: on a machine with a gateway, and what there is around it. See SETTINGS."""
import json
import os
import subprocess

from machines import MIB, HubHost, Liar, Machine, sha256_of, until

REPO = "org/model"
BIG = "big.bin"
# No empty file: from the hub itself neither @huggingface/hub gets one, as it asks for the first byte.
FILES = {BIG: 24 * MIB + 5, "onnx/model.onnx": 3 * MIB + 1, "tokenizer/vocab.txt": 30000, "config.json": 700, "a/b/größe +1 (2).txt": 11}
SIZE = sum(FILES.values())
SLOW = "160mbit"  # 20 MB a second: time for others to show what they are
GATEWAY = "127.0.0.1:5274"
CLIENT_S = 120


class Scene:
    """A hub and a machine with a node and its gateway; `arrange_` methods add what else there is, before the client runs."""

    def __init__(self, lan, build, files=FILES, big=BIG, flags=()):
        """The files of REPO as HubHost wants them, and the one about which a liar lies; `flags` for the node."""
        self.lan, self.build = lan, build
        self.files, self.big = files, big
        self.hub = HubHost(lan.host("hub"), {REPO: files})
        self.oak = Machine(lan.host("oak"), build, self.hub).start("--gateway", GATEWAY, *flags)
        self.holder = self.liar = None
        self.clients = 0

    def arrange_cold(self):
        """Nobody has anything but the hub."""

    def arrange_warm(self):
        """Another node has all of it."""
        self.holder = Machine(self.lan.host("holder"), self.build, self.hub).start()
        self.holder.ok("get", REPO)
        self.oak.sees(self.holder).knows_holder(self.holder, len(self.files))

    def arrange_away(self):
        """Another node has it, this one knows the names, and the hub does not answer any more."""
        self.arrange_warm()
        self.oak.ok("resolve", REPO)
        self.hub.host.unplug()

    def arrange_corrupt(self):
        """A second peer says that it has the big file too, and gives wrong bytes."""
        self.arrange_warm()
        self.holder.host.shape(SLOW)
        self.liar = Liar(self.lan.host("liar"), self.build, "wrong-chunk", self.hub.path(REPO, self.big), dials=[self.oak])
        self.oak.sees(self.liar.name)

    def client(self):
        """One with nothing cached."""
        self.clients += 1
        return Client(self.oak, os.path.join(self.oak.host.dir, "client%d" % self.clients))

    def assert_files(self, folder):
        for path in self.files:
            assert sha256_of(os.path.join(folder, path)) == sha256_of(self.hub.path(REPO, path)), path

    def assert_liar_is_known(self):
        until(lambda: self.oak.peer(self.liar.name)["verdict"] == "damaged", "the liar is known for what it is")

    def assert_well(self):
        assert self.oak.node.popen.poll() is None, self.oak.node


class Client:
    """Programs on the machine of `node`, with a home of their own, told of the gateway and of nothing else."""

    def __init__(self, node, home):
        self.node, self.home = node, home
        self.gateway = "http://" + GATEWAY
        os.mkdir(home)
        self.folder = os.path.join(home, "files")  # for what they fetch
        self.within = CLIENT_S
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": home, "HF_ENDPOINT": self.gateway}

    def run(self, *command, **env):
        """What it wrote; it has to end well."""
        done = subprocess.run(self.node.host.inside(*command), env={**self.env, **env}, cwd=self.home, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=self.within, check=False)
        assert done.returncode == 0, "%s\n%s\n%s\n%r" % (" ".join(map(str, command)), done.stdout, done.stderr, self.node.node)
        return done.stdout

    def json(self, *command, **env):
        """The last line that it wrote, as JSON."""
        return json.loads(self.run(*command, **env).splitlines()[-1])


SETTINGS = {"cold": Scene.arrange_cold, "warm": Scene.arrange_warm, "away": Scene.arrange_away, "corrupt": Scene.arrange_corrupt}
