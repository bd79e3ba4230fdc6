"""Private groups: making, joining, leaving and renewing them, and what their members share."""
import socket
import subprocess

import pytest
from content import MIB, WEIGHTS
from larder import DONE, NOT_FOUND, OTHER, USAGE, binary
from nodes import Node, knows

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


def told_by(larder, *args):
    """The one line on standard output."""
    lines = larder.ok(*args).out.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.asan
def test_a_group_of_two(hub, larder, other, model):
    with Node(larder) as node:
        larder.ok("get", "org/model")
        code = told_by(larder, "group", "create")
        assert not node.status()["group"]["open"]
        knows(other, node)
        assert other.ok("peers", "--json").json["heard"] == 0
        before = hub.counters()["content_bytes"]
        joined = other.run("group", "join", code)
        assert joined.code == DONE and joined.out == "" and joined.says("standard input")
        assert other.ok("peers", "--json").json["heard"] == 1
        assert other.ok("get", "org/model", "--json").json["bytes_from_peers"] >= WEIGHTS
        assert hub.counters()["content_bytes"] == before


def test_gated_files_within_a_group(hub, larder, other):
    hub.add("org/gated", {"file.bin": (3 * MIB, "gated")})
    hub.add_token(TOKEN, "reader")
    hub.protect("org/gated", gated="auto", readers=["reader"])
    for one in (larder, other):
        one.env.update(HF_TOKEN=TOKEN, LARDER_SHARE_GATED="yes")
    with Node(larder) as node:
        knows(other, node)
        assert larder.ok("get", "org/gated").says("private group")
        assert other.ok("peers", "--json").json["heard"] == 1
        assert other.fails(NOT_FOUND, "who", "org/gated").err
        code = told_by(larder, "group", "create")
        other.ok("group", "join", code)
        got = other.ok("get", "org/gated", "--json")
        assert got.json["bytes_from_peers"] == 3 * MIB and not got.says("private group")


def test_the_code_comes_from_standard_input(larder, other):
    code = told_by(larder, "group", "create")
    done = subprocess.run([binary(), "group", "join", "-"], input=code + "\n", env=other.environment(None), capture_output=True, text=True, timeout=30)
    assert done.returncode == DONE and "standard input" not in done.stderr
    assert told_by(other, "group", "show") == code
    assert other.ok("group", "show", "--json").json == {"open": False, "tag": larder.ok("group", "show", "--json").json["tag"], "creator": False, "code": code}


def test_leaving_and_renewing(larder):
    assert told_by(larder, "group", "show") == "open"
    first = told_by(larder, "group", "create")
    assert larder.fails(OTHER, "group", "create").says("already")
    second = told_by(larder, "group", "rotate")
    assert first != second == told_by(larder, "group", "show")
    assert larder.fails(OTHER, "group", "join", first).says("leave")
    larder.ok("group", "leave")
    assert told_by(larder, "group", "show") == "open"
    assert larder.fails(USAGE, "group", "rotate").says("open group")


@pytest.mark.parametrize("args", [["dance"], ["join"], ["join", "nonsense"], ["show", "it"]])
def test_mistakes_with_groups(larder, args):
    larder.fails(USAGE, "group", *args)


def test_a_node_keeps_its_port_when_the_group_changes(larder):
    taken = socket.socket()
    try:
        taken.bind(("", 5273))
        taken.listen()
    except OSError:
        pass  # somebody else has it, which does as well
    with Node(larder) as node:
        taken.close()
        larder.ok("group", "create")
        assert node.status()["port"] == node.port
