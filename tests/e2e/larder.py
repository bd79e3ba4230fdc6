"""Running the larder program: its own home, a clean environment, and what a run left behind."""
import hashlib
import json
import os
import re
import signal
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DONE, OTHER, USAGE, NOT_FOUND, HUB_AWAY, UNPROVEN, DENIED, NO_SPACE = 0, 1, 2, 3, 4, 5, 6, 7
TIMEOUT = 90


def binary():
    return os.path.join(TOP, os.environ.get("LARDER_BIN", "build/dev/cli/larder"))


def with_sanitizers():
    return "asan" in binary()


class Result:
    def __init__(self, args, code, out, err, seconds):
        self.args = args
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds

    def __repr__(self):
        return "larder %s: code %d after %.2f s\n-- stdout\n%s\n-- stderr\n%s" % (
            " ".join(self.args), self.code, self.seconds, self.out, self.err)

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def folder(self):
        """The one line that `get` prints."""
        lines = self.out.splitlines()
        assert len(lines) == 1 and os.path.isabs(lines[0]), self
        return lines[0]

    def says(self, *words):
        """Whether the messages have all these words, whatever their case; lines may have been broken anywhere."""
        text = " ".join(self.err.split()).lower()
        return all(word.lower() in text for word in words)


class Larder:
    def __init__(self, base, hub_url):
        self.base = str(base)
        self.home = os.path.join(self.base, "larder")
        self.user_home = os.path.join(self.base, "home")
        os.makedirs(self.user_home, exist_ok=True)
        self.env = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": self.user_home,
            "XDG_CACHE_HOME": os.path.join(self.user_home, ".cache"),
            "XDG_CONFIG_HOME": os.path.join(self.user_home, ".config"),
            "LARDER_HOME": self.home, "LARDER_HUB": hub_url,
            "LARDER_MIN_FREE": "0",  # whatever the disk of the machine that runs the tests has left
            "LARDER_GATEWAY": "off",  # its port is one for the whole machine
            "LARDER_DISCOVERY": "off",  # who is on the network of that machine; so nobody is waited for
        }

    def environment(self, env):
        merged = {**self.env, **(env or {})}
        return {k: v for k, v in merged.items() if v is not None}

    def start(self, *args, env=None, **options):
        """A Popen; stdout and stderr are pipes unless said otherwise."""
        for name in ("stdout", "stderr"):
            options.setdefault(name, subprocess.PIPE)
        return subprocess.Popen([binary(), *args], env=self.environment(env), stdin=subprocess.DEVNULL,
                                text=True, errors="replace", cwd=options.pop("cwd", self.base), **options)

    def run(self, *args, env=None, timeout=TIMEOUT, **options):
        """Runs to the end. `env`: variables to set, or with None to leave out."""
        begun = time.monotonic()
        process = self.start(*args, env=env, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError("larder %s: no end in %d s\n%s\n%s" % (" ".join(args), timeout, out, err)) from None
        result = Result(args, process.returncode, out, err, time.monotonic() - begun)
        assert process.returncode >= 0, "ended by signal %d: %r" % (-process.returncode, result)
        assert "Sanitizer" not in (err or "") and "runtime error" not in (err or ""), result
        return result

    def ok(self, *args, **options):
        result = self.run(*args, **options)
        assert result.code == DONE, result
        return result

    def fails(self, code, *args, **options):
        """It ends with this code, and says why in at most a few lines on standard error."""
        result = self.run(*args, **options)
        assert result.code == code, result
        assert result.err.strip(), result
        return result

    # What is in its store.

    def held(self):
        """The digests that `ls` shows as held, without "sha256:"."""
        return {blob["digest"].split(":")[-1] for blob in self.ok("ls", "--json").json["blobs"]}

    def blob_path(self, digest):
        return os.path.join(self.home, "blobs", "sha256", digest[:2], digest)

    def has_blob(self, digest):
        return os.path.exists(self.blob_path(digest))

    def blobs(self):
        found = []
        for parent, _, leaves in os.walk(os.path.join(self.home, "blobs")):
            found += [os.path.join(parent, leaf) for leaf in leaves if re.fullmatch("[0-9a-f]{64}", leaf)]
        return found

    def damage(self, digest, offset):
        """Flips one bit of a blob, as a bad disk would."""
        path = self.blob_path(digest)
        mode = os.stat(path).st_mode
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))
        os.chmod(path, mode & 0o777)

    def check(self):
        """Promise 1: under a blob's name lie only bytes that prove it. Called after each test."""
        for path in self.blobs():
            if os.path.getsize(path) > 64 << 20:
                continue
            with open(path, "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == os.path.basename(path)
