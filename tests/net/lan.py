"""A LAN in network namespaces: a bridge, hosts with cables to it, and what is needed to run programs there. Needs root.

    with Lan() as lan:
        a, b = lan.host("elm"), lan.host("oak")
        a.daemon()                                  # D-Bus and avahi-daemon
        node = a.start("larderd", "--home", a.dir)  # a Process
        node.wait_for(lambda line: "ready" in line)
        b.run("ping", "-c1", a.address)
        b.shape("200mbit")
        b.unplug(); b.plug()

Each host is a namespace with its own network, host name, mounts and /run (so that each has its own system D-Bus); all else of the file system is
shared. A Lan is a namespace too, holding the bridge, so that nothing shows in the machine's own network. A host may be on several:

        other = Lan()
        other.attach(a)                             # its second interface, eth1

The end of the outermost `with` (or close()) kills what runs there and removes all of it. Names hold the pid of the test run; what a killed run left
behind is removed by remove_stale().
"""
import ctypes
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

PREFIX = "larder-"
TSAN_SUPPRESSIONS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "tsan.supp")
WITHIN = 30  # seconds; how long to wait for what should come much sooner
_numbers = itertools.count(1)
_libc = ctypes.CDLL(None)


def sh(*command):
    """Run it, quietly; an error shows what it said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        raise RuntimeError("%s: code %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout


def wait_until(condition, within=WITHIN, what="it"):
    """Wait for condition() to be true, and return what it returned."""
    end = time.monotonic() + within
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("%s did not come within %s s" % (what, within))
        time.sleep(0.01)


def cannot():
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    for tool in ("ip", "tc", "nsenter", "unshare"):
        if not shutil.which(tool):
            return "%s is not installed" % tool
    name = "%s%d-try" % (PREFIX, os.getpid())
    try:
        sh("ip", "netns", "add", name)
        sh("ip", "netns", "del", name)
    except RuntimeError as error:
        return "network namespaces cannot be made here: %s" % error
    return None


def _kill_inside(namespace):
    for pid in sh("ip", "netns", "pids", namespace).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass


def _remove_namespace(namespace):
    _kill_inside(namespace)
    wait_until(lambda: not sh("ip", "netns", "pids", namespace).split(), what="the end of all in %s" % namespace)
    sh("ip", "netns", "del", namespace)


def remove_stale():
    """Remove the namespaces of test runs that are no more."""
    for namespace in re.findall(r"^%s(\d+)-\S+" % PREFIX, sh("ip", "netns", "list"), re.M):
        if not os.path.exists("/proc/%s" % namespace):
            for full in re.findall(r"^(%s%s-\S+)" % (PREFIX, namespace), sh("ip", "netns", "list"), re.M):
                _remove_namespace(full)


def _end_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A program that runs on a host. Its standard output is read line by line; `lines` holds them, as (time.monotonic(), line)."""

    def __init__(self, command, env=None, cwd=None, name=""):
        self.command = command
        self.name = name
        self.lines = []
        self.errors = []
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      errors="replace", bufsize=1, env=env, cwd=cwd, preexec_fn=_end_with_parent)
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.popen.stdout, self.lines), (self.popen.stderr, self.errors))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self._changed:
                lines.append((time.monotonic(), line.rstrip("\n")))
                self._changed.notify_all()

    def __repr__(self):
        return "%s: %s\n-- standard output\n%s\n-- standard error\n%s" % (
            self.name, " ".join(self.command), "\n".join(line for _, line in self.lines), "\n".join(line for _, line in self.errors))

    @property
    def pid(self):
        return self.popen.pid

    def say(self, line):
        """Write a line to its standard input."""
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def wait_for(self, wanted, within=WITHIN, since=0, errors=False):
        """The first line for which wanted(line) is true, and which came at `since` or later, as (time, line)."""
        lines = self.errors if errors else self.lines
        end = time.monotonic() + within
        with self._changed:
            at = 0
            while True:
                for at in range(at, len(lines)):
                    if lines[at][0] >= since and wanted(lines[at][1]):
                        return lines[at]
                at = len(lines)
                left = end - time.monotonic()
                if left <= 0 or (self.popen.poll() is not None and not any(r.is_alive() for r in self._readers)):
                    raise AssertionError("what was waited for did not come within %s s\n%r" % (within, self))
                self._changed.wait(min(left, 0.2))

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """Without a goodbye."""
        self.popen.kill()
        return self.wait()

    def stop(self, within=WITHIN):
        """SIGTERM, and wait for the end; returns the exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.wait(within)

    def wait(self, within=WITHIN):
        code = self.popen.wait(within)
        for reader in self._readers:
            reader.join(5)
        return code


class Host:
    """Made by Lan.host()."""

    def __init__(self, name, ipv6=True):
        self.name = name
        self.namespace = "%s%d-%d-%s" % (PREFIX, os.getpid(), next(_numbers), name)
        self.dir = tempfile.mkdtemp(prefix=self.namespace + "-", dir="/tmp")  # the host's own, removed with it
        self.processes = []
        self.cables = {}     # interface: (Lan, the other end's interface there)
        self.addresses = {}  # interface: IPv4 address
        self._holder = None
        try:
            self._create(ipv6)
        except BaseException:
            self.close()
            raise

    def _create(self, ipv6):
        sh("ip", "netns", "add", self.namespace)
        # Without duplicate address detection, which would keep link-local addresses from being used for a second.
        sh("ip", "netns", "exec", self.namespace, "sh", "-c",
           "for which in all default; do cd /proc/sys/net/ipv6/conf/$which && "
           "echo %d >disable_ipv6 && echo 0 >accept_dad && echo 0 >dad_transmits; done" % (0 if ipv6 else 1))
        sh("ip", "-n", self.namespace, "link", "set", "lo", "up")
        self._holder = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, "unshare", "--mount", "--uts", "sh", "-c",
             'hostname "$1" && mount -t tmpfs tmpfs /run && mkdir -p /run/dbus && echo ready && exec cat', "sh", self.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=_end_with_parent)
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError("no namespaces for host %s" % self.name)

    @property
    def address(self):
        """Its IPv4 address on the first LAN."""
        return self.addresses.get("eth0")

    def link_local(self, interface="eth0"):
        """The IPv6 link-local address of an interface."""
        found = re.search(r"inet6 (fe80::[0-9a-f:]+)/", sh("ip", "-n", self.namespace, "-6", "addr", "show", "dev", interface))
        return found and found.group(1)

    def inside(self, *command):
        """The command that runs `command` on this host; for those who start processes themselves."""
        return ["nsenter", "--target", str(self._holder.pid), "--net", "--mount", "--uts", "--", *map(str, command)]

    def path(self, path):
        """How a path on this host (/run/...) is reached from outside."""
        return "/proc/%d/root%s" % (self._holder.pid, path)

    def start(self, *command, env=None, cwd=None):
        """Start a program; returns a Process. `env`: variables beyond those of the test run."""
        env = {"TSAN_OPTIONS": "suppressions=" + TSAN_SUPPRESSIONS, **os.environ, **(env or {})}
        process = Process(self.inside(*command), env=env, cwd=cwd, name=self.name)
        self.processes.append(process)
        return process

    def run(self, *command):
        """Run a program to its end; returns what it wrote. RuntimeError if it fails."""
        return sh(*self.inside(*command))

    def ip(self, *arguments):
        return sh("ip", "-n", self.namespace, *arguments)

    def daemon(self):
        """Start D-Bus and avahi-daemon, as on most desktops; returns avahi-daemon's Process when it answers."""
        if not os.path.exists(self.path("/run/dbus/system_bus_socket")):
            self.start("dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog")
            wait_until(lambda: os.path.exists(self.path("/run/dbus/system_bus_socket")), what="D-Bus")
        config = os.path.join(self.dir, "avahi-daemon.conf")
        with open(config, "w") as file:
            file.write("[server]\nuse-ipv4=yes\nuse-ipv6=yes\n[publish]\npublish-workstation=no\n")
        avahi = self.start("avahi-daemon", "-f", config, "--no-drop-root", "--no-rlimits")
        wait_until(self._daemon_answers, what="avahi-daemon")
        return avahi

    def _daemon_answers(self):
        try:
            self.run("dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.Avahi", "/", "org.freedesktop.Avahi.Server.GetState")
            return True
        except RuntimeError:
            return False

    def unplug(self, interface="eth0"):
        """Pull the cable: no carrier. What was sent is lost, nobody is told."""
        lan, end = self.cables[interface]
        lan.ip("link", "set", end, "down")

    def plug(self, interface="eth0"):
        lan, end = self.cables[interface]
        lan.ip("link", "set", end, "up")

    def shape(self, rate, interface="eth0"):
        """Limit the cable to `rate` ("200mbit") in both directions; None: no limit."""
        lan, end = self.cables[interface]
        for namespace, device in ((self.namespace, interface), (lan.namespace, end)):
            if rate:
                sh("tc", "-n", namespace, "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms")
            else:
                sh("tc", "-n", namespace, "qdisc", "del", "dev", device, "root")

    def close(self):
        if os.path.exists("/run/netns/" + self.namespace):
            _remove_namespace(self.namespace)
        for process in self.processes:
            process.wait()
        if self._holder:
            self._holder.stdin.close()
            self._holder.stdout.close()
            self._holder.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Lan:
    """A bridge. `ipv4`, `ipv6`: which addresses hosts get; IPv6 ones are link-local only. Its network is 10.N.0.0/24."""

    def __init__(self, ipv4=True, ipv6=True):
        self.number = next(_numbers)
        self.namespace = "%s%d-%d-lan" % (PREFIX, os.getpid(), self.number)
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.hosts = []
        self._ends = itertools.count(1)
        sh("ip", "netns", "add", self.namespace)
        try:
            self.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
            self.ip("link", "set", "br0", "up")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ip(self, *arguments):
        return sh("ip", "-n", self.namespace, *arguments)

    def host(self, name, plugged=True):
        """A new host on this LAN. It goes with it."""
        host = Host(name, self.ipv6)
        self.hosts.append(host)
        self.attach(host, plugged)
        return host

    def attach(self, host, plugged=True):
        """Give a host an interface on this LAN: eth0, eth1, ..., whose name is returned."""
        number = next(self._ends)
        interface, end = "eth%d" % len(host.cables), "port%d" % number
        sh("ip", "link", "add", end, "netns", self.namespace, "type", "veth", "peer", "name", interface, "netns", host.namespace)
        self.ip("link", "set", end, "master", "br0")
        host.cables[interface] = (self, end)
        if self.ipv4:
            host.addresses[interface] = "10.%d.0.%d" % (self.number % 256, number)
            host.ip("addr", "add", host.addresses[interface] + "/24", "dev", interface)
        host.ip("link", "set", interface, "up")
        if plugged:
            host.plug(interface)
            wait_until(lambda: "LOWER_UP" in host.ip("link", "show", interface), what="the carrier")
        return interface

    def close(self):
        for host in self.hosts:
            host.close()
        if os.path.exists("/run/netns/" + self.namespace):
            _remove_namespace(self.namespace)
