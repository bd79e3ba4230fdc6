"""What larder doctor says of a network, on one that is known."""
import json
import os

import pytest


@pytest.fixture
def doctor(build):
    """doctor(HOST, ...): its findings by topic. The hub is away, which is a problem and not the matter here."""
    def run(host, *args, **more):
        env = {**more, "LARDER_HOME": os.path.join(host.dir, "home"), "LARDER_HUB": "http://127.0.0.1:1", "LARDER_MIN_FREE": "0", "HOME": host.dir}
        process = host.start(build("cli/larder"), "doctor", "--json", *args, env=env)
        assert process.wait() == 1, process
        return {finding["topic"]: finding for finding in json.loads(process.lines[-1][1])["findings"]}
    return run


def node(host, build, *flags):
    env = {"HOME": host.dir}
    process = host.start(build("node/larderd"), "--home", os.path.join(host.dir, "node"), "--name", host.name, *flags, env=env)
    process.wait_for(lambda line: "is ready" in line, errors=True)
    return process


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_alone(lan, doctor, mode):
    elm = lan.host("elm")
    if mode == "daemon":
        elm.daemon()
    found = doctor(elm)
    assert found["multicast"]["state"] == "warning" and "only this machine" in found["multicast"]["text"]
    assert found["discovery"]["text"] == {"embedded": "built in", "daemon": "avahi-daemon"}[mode]
    assert found["network"]["text"] == "in use: eth0" and found["peers"]["state"] == "warning"


def test_two(lan, doctor, build):
    elm, oak = lan.host("elm"), lan.host("oak")
    node(oak, build)
    found = doctor(elm, oak.address)
    assert {topic: found[topic]["state"] for topic in ("multicast", "peers", "connect", "handshake", "bulk", "way back")} == {
        "multicast": "ok", "peers": "ok", "connect": "ok", "handshake": "ok", "bulk": "ok", "way back": "ok"}
    assert elm.address in found["connect"]["text"]
    assert oak.address + ":5275" in found["bulk"]["text"]


def test_by_the_name_of_a_node(lan, doctor, build):
    elm, oak = lan.host("elm"), lan.host("oak")
    node(oak, build)
    found = doctor(elm, "Oak")
    assert "the node at" in found["name"]["text"] and found["handshake"]["state"] == "ok"
    assert doctor(elm, "ash")["name"]["state"] == "problem"


def test_the_port_for_bytes_is_shut(lan, doctor, build):
    """Which is slower, and no problem: by a firewall that drops, or because the node does not listen there."""
    elm, oak, ash = lan.host("elm"), lan.host("oak"), lan.host("ash")
    node(oak, build)
    oak.run("ip", "rule", "add", "pref", "1", "ipproto", "tcp", "sport", "5275", "blackhole")
    found = doctor(ash, oak.address)
    assert found["bulk"]["state"] == "warning" and "no answer" in found["bulk"]["text"] and "firewall" in found["bulk"]["remedy"]
    node(elm, build, "--bulk-port", "off")
    found = doctor(ash, elm.address)
    assert found["handshake"]["state"] == "ok" and found["bulk"]["state"] == "warning" and "nobody listens" in found["bulk"]["text"]


def test_one_way_alone(lan, doctor, build):
    elm, oak = lan.host("elm"), lan.host("oak")
    node(oak, build)
    found = doctor(elm, oak.address, LARDER_LISTEN="127.0.0.1")
    assert found["handshake"]["state"] == "ok" and found["way back"]["state"] == "warning" and "nobody answers" in found["way back"]["text"]


def test_nobody_is_there(lan, doctor):
    elm, oak = lan.host("elm"), lan.host("oak")
    found = doctor(elm, oak.address)
    assert found["host"]["state"] == "problem" and "nobody listens" in found["connect"]["text"]
    oak.unplug()
    found = doctor(elm, oak.address)
    assert found["host"]["state"] == "problem" and "ok" != found["connect"]["state"]
