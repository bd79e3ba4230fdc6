"""`larder run` and `larder env`: what a command is given, and that it stays itself."""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from larder import DONE, HUB_AWAY, OTHER, USAGE
from nodes import Node, daemon_binary, wait_for


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def listener(larder):
    """Somebody at the place of the gateway, who says `body` to everything: what a gateway says to /-/status, at first."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.body = json.dumps({"larder": "0.2", "node": "abcdef", "home": larder.home}).encode()
    larder.env["LARDER_GATEWAY"] = server.address = "127.0.0.1:%d" % server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def free_address():
    with http.server.HTTPServer(("127.0.0.1", 0), None) as server:
        return "127.0.0.1:%d" % server.server_port


# --- the command

@pytest.mark.asan
def test_sets_the_hub_of_the_command(larder, hub, listener):
    told = larder.ok("run", "--", "sh", "-c", "echo $HF_ENDPOINT $LARDER_HUB $NO_PROXY")
    assert told.out.split() == ["http://" + listener.address, hub.url]
    assert told.says("hf_endpoint=http://" + listener.address)
    assert larder.ok("run", "-q", "--", "true").err == ""


def test_leaves_this_machine_out_of_a_proxy(larder, listener):
    told = larder.ok("run", "--", "sh", "-c", "echo $NO_PROXY $no_proxy", env={"http_proxy": "http://192.0.2.1:1", "NO_PROXY": "corp"})
    assert told.out.split() == ["corp,127.0.0.1,localhost"] * 2


def test_code_and_arguments_are_the_commands_own(larder, listener):
    assert larder.run("run", "--", "sh", "-c", "exit 42").code == 42
    assert larder.ok("run", "--", "printf", "%s|", "--help", "a b", "").out == "--help|a b||"
    assert larder.ok("run", "printf", "%s|", "--help", "-x", "--", "a").out == "--help|-x|--|a|"
    assert larder.run("run", "--", "no-such-command").says("no-such-command cannot be run")
    assert larder.run("run", "--", "no-such-command").code == 127
    assert larder.run("run", "--", larder.base).code == 126
    larder.fails(USAGE, "run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_reach_the_command(larder, listener, number):
    process = larder.start("run", "--", "sh", "-c", "trap 'exit 7' INT TERM USR1; echo begun; while :; do sleep 0.05; done")
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 7


def test_broken_pipes_end_it_as_ever(larder, listener):
    process = larder.start("run", "--", "sh", "-c", "yes")
    process.stdout.close()
    assert process.wait(30) == -signal.SIGPIPE or process.returncode == 128 + signal.SIGPIPE
    process.stderr.close()


# --- where no gateway is

@pytest.mark.asan
def test_somebody_else_there_is_told(larder, listener):
    listener.body = b"<html>"
    assert larder.fails(OTHER, "run", "--", "true").says("something else", listener.address)
    assert larder.fails(OTHER, "env").says("something else")


def test_off_is_told(larder):
    assert larder.fails(OTHER, "run", "--", "true", env={"LARDER_GATEWAY": "off"}).says("off")
    assert larder.fails(USAGE, "env", env={"LARDER_GATEWAY": "nonsense"}).says("address:port")


def test_a_node_that_cannot_be_started_says_why(larder):
    path = os.path.dirname(daemon_binary()) + ":" + os.environ["PATH"]
    env = {"LARDER_GATEWAY": free_address(), "PATH": path}
    with Node(larder, env={"LARDER_GATEWAY": "off"}):
        assert larder.fails(OTHER, "run", "--", "true", env=env).says("none could be started", larder.home)
    assert larder.fails(OTHER, "run", "--", "true", env={**env, "LARDER_NAME": "x" * 1000, "LARDER_LISTEN": "nonsense"}).says("none could be started")
    assert larder.fails(OTHER, "run", "--", "/bin/true", env={**env, "PATH": "/nonexistent"}).says("none could be started")


# --- env

@pytest.mark.asan
def test_env_is_for_shells(larder, hub, listener):
    lines = larder.ok("env").out
    shown = subprocess.run(["sh", "-c", 'eval "$1"; echo $HF_ENDPOINT', "sh", lines], capture_output=True, text=True, check=True).stdout
    assert shown == "http://" + listener.address + "\n"
    assert "set -gx HF_ENDPOINT 'http://%s';" % listener.address in larder.ok("env", "--shell", "fish").out
    assert larder.ok("env", env={"SHELL": "/usr/bin/fish"}).out.startswith("set -gx")
    told = larder.ok("env", "--json").json
    assert told["node"] == "abcdef" and told["variables"] == {"HF_ENDPOINT": "http://" + listener.address, "LARDER_HUB": hub.url}
    larder.fails(USAGE, "env", "--shell", "cmd")


def test_env_without_a_node_prints_nothing(larder):
    told = larder.fails(HUB_AWAY, "env", env={"LARDER_GATEWAY": free_address()})
    assert told.out == "" and told.says("larderd", "larder run")


# --- a node for the while

@pytest.fixture
def startable(larder):
    """A place where no gateway is yet, and a larderd that can be started for it."""
    larder.env["LARDER_GATEWAY"] = free_address()
    larder.env["LARDER_LISTEN"] = "127.0.0.1"
    larder.env["PATH"] = os.path.dirname(daemon_binary()) + ":" + larder.env["PATH"]
    return larder


def no_node(larder):
    return larder.ok("status", "--json").json["node"] is None


ASK = "import os, urllib.request; print(urllib.request.urlopen(os.environ['HF_ENDPOINT'] + '/-/status').read().decode())"


@pytest.mark.asan
def test_a_node_is_started_and_ends_with_the_command(startable):
    told = startable.ok("run", "--", sys.executable, "-c", ASK).json
    assert told["home"] == startable.home and told["larder"]
    wait_for(lambda: no_node(startable), "the node has ended")
    again = startable.ok("run", "--", sys.executable, "-c", ASK).json
    assert again["node"] == told["node"]


def test_commands_share_a_node(startable):
    """The second finds the first one's, and keeps it."""
    commands = []
    for _ in range(3):
        commands.append(startable.start("run", "--", "sh", "-c", "echo begun; exec sleep 1000"))
    for command in commands:
        assert command.stdout.readline() == "begun\n"
    node = startable.ok("status", "--json").json["node"]
    assert node and not node["passing"]
    for command in commands[:2]:
        command.send_signal(signal.SIGKILL)
        command.communicate()
    time.sleep(1.2)
    assert startable.ok("status", "--json").json["node"]["pid"] == node["pid"]
    commands[2].send_signal(signal.SIGTERM)
    commands[2].communicate()
    wait_for(lambda: no_node(startable), "the node has ended with the last of them")


def test_a_node_that_stays_is_used_and_left(startable):
    with Node(startable) as node:
        told = startable.ok("run", "--", sys.executable, "-c", ASK).json
        assert told["node"] == startable.ok("env", "--json").json["node"]
        time.sleep(1.2)
        assert node.process.poll() is None


def test_one_that_nobody_uses_ends(startable):
    with Node(startable, "--while-used") as node:
        assert node.process.wait(30) == DONE
