"""larder doctor: that it names what is wrong, and finds nothing where nothing is."""
import pytest
from larder import OTHER
from nodes import Node, knows

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


def findings(told):
    return {f["topic"]: f for f in told.json["findings"]}


@pytest.mark.asan
def test_the_doctor_finds_nothing_wrong(other, holder):
    knows(other, holder)
    told = other.ok("doctor", holder.address, "--json")
    assert told.json["problems"] == 0
    assert {"home", "hub", "node", "peers", "connect", "handshake"} <= {t for t, f in findings(told).items() if f["state"] == "ok"}


def test_the_doctor_in_a_wrong_group(larder, other, holder):
    larder.ok("group", "create")
    told = other.fails(OTHER, "doctor", holder.address, "--json")
    assert findings(told)["handshake"]["state"] == "problem"


def test_the_doctor_where_nobody_listens(larder):
    told = larder.fails(OTHER, "doctor", "127.0.0.1:1", "--json")
    assert findings(told)["host"]["state"] == "problem" and "nobody listens" in findings(told)["connect"]["text"]


def test_the_doctor_on_the_way_to_its_own_node(holder):
    told = holder.larder.ok("doctor", holder.address, "--json")
    assert "is this machine" in findings(told)["host"]["text"] and "handshake" not in findings(told)


def test_the_doctor_and_a_gateway_whose_port_is_taken(larder, other):
    usual = {"LARDER_GATEWAY": None}
    with Node(larder, env=usual), Node(other, env=usual) as second:
        assert second.gateway is None
        found = findings(other.ok("doctor", "--json", env=usual))["gateway"]
        assert found["state"] == "warning" and "port 5274 belongs to process" in found["text"]
        assert findings(other.ok("doctor", "--json"))["gateway"]["text"] == "off"


def test_the_doctor_and_the_hub(hub, larder):
    hub.add_token(TOKEN, "reader")
    assert findings(larder.ok("doctor", "--json", env={"HF_TOKEN": TOKEN}))["token"]["state"] == "ok"
    assert findings(larder.fails(OTHER, "doctor", "--json", env={"HF_TOKEN": "hf_wrong"}))["token"]["state"] == "problem"
    hub.fault(action="portal", kind="any")
    assert "login page" in findings(larder.fails(OTHER, "doctor", "--json"))["hub"]["text"]
    hub.clear_faults()
    told = larder.fails(OTHER, "doctor", "--json", env={"LARDER_HUB": "http://127.0.0.1:1"})
    assert findings(told)["hub"]["state"] == "problem"


def test_the_doctor_and_the_surroundings(larder):
    env = {"HF_ENDPOINT": "http://127.0.0.1:1", "https_proxy": "http://proxy.example:3128"}
    found = findings(larder.fails(OTHER, "doctor", "--json", env=env))
    assert found["endpoint"]["state"] == "problem" and found["proxy"]["state"] == "warning"
    found = findings(larder.ok("doctor", "--json", env={"https_proxy": "http://proxy.example:3128", "no_proxy": "localhost,127.0.0.1"}))
    assert found["proxy"]["state"] == "ok"


def test_the_doctor_and_a_home_that_cannot_be(larder, tmp_path):
    (tmp_path / "file").write_text("")
    told = larder.fails(OTHER, "doctor", "--json", env={"LARDER_HOME": str(tmp_path / "file" / "home")})
    assert findings(told)["home"]["state"] == "problem"
