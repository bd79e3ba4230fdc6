"""A node reads its settings again at SIGHUP."""
import fcntl
import os
import pty
import signal
import subprocess
import termios

import pytest
from content import FILES, MIB
from larder import NO_SPACE
from nodes import Node, daemon_binary, wait_for, wait_for_peers

pytestmark = pytest.mark.asan


class Conf:
    def __init__(self, path):
        self.path = str(path)

    def write(self, **settings):
        with open(self.path, "w") as file:
            for key, value in settings.items():
                file.write("%s = %s\n" % (key, value))


@pytest.fixture
def conf(tmp_path):
    conf = Conf(tmp_path / "larder.conf")
    conf.write(log_level="info")
    return conf


def reload(node, *words):
    """Has the settings read again; until the log has a line with these words."""
    node.log = ""
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: any(all(word in line for word in words) for line in node.log.splitlines()), "%s in the log" % (words,))


def test_what_counts_at_once(hub, larder, conf):
    hub.add("org/big", {"w.bin": (5 * MIB, "w")})
    with Node(larder, "--config", conf.path) as node:
        reload(node, "nothing has changed")
        conf.write(log_level="info", max_size="1M")
        reload(node, "read again", "max_size")
        larder.fails(NO_SPACE, "get", "org/big")
        conf.write(log_level="warn", max_size="1G")
        node.process.send_signal(signal.SIGHUP)
        wait_for(lambda: larder.run("get", "org/big").code == 0, "there is room now")


def test_peers_and_what_is_shared(larder, other, holder, conf):
    with Node(other, "--config", conf.path) as node:
        assert node.peers() == []
        conf.write(log_level="info", peer=holder.address)
        reload(node, "peer")
        wait_for_peers(node, 1)
        port = node.status()["port"]
        other.ok("get", "org/model")
        wait_for(lambda: node.status()["shared_blobs"] == len(FILES), "all is shared")
        conf.write(log_level="info", peer=holder.address, serve="no")
        reload(node, "serve")
        assert node.status()["shared_blobs"] == 0 and node.status()["port"] == port
        wait_for_peers(node, 1)
        conf.write(log_level="info")
        reload(node, "peer", "serve")
        wait_for(lambda: not [peer for peer in node.peers() if peer["here"]], "nobody is here")


def test_what_has_to_wait(larder, conf):
    with Node(larder, "--config", conf.path) as node:
        conf.write(log_level="info", interface="lo", hub_use="never", name="elm")
        reload(node, "name", "interface", "hub_use", "started again")
        assert node.status()["name"] == "elm"


def test_settings_that_make_no_sense(larder, conf):
    with Node(larder, "--config", conf.path) as node:
        conf.write(log_level="info", max_size="much")
        reload(node, "stay as they are", "max_size", "much")
        os.unlink(conf.path)
        reload(node, "stay as they are", "larder.conf")
        assert node.status()["pid"] == node.process.pid


def test_a_terminal_that_is_closed(larder):
    master, terminal = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    process = subprocess.Popen([daemon_binary(), "--discovery", "off", "--gateway", "off", "--listen", "127.0.0.1"], env=larder.environment(None), stdin=terminal,
                               stdout=terminal, stderr=terminal, preexec_fn=take_terminal)
    os.close(terminal)
    assert b"is ready" in os.read(master, 4096)
    os.close(master)
    assert process.wait(30) == 0
