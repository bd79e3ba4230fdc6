"""Machines of one LAN take from each other what one of them has, whoever comes, goes or breaks; the hub is asked once."""
import json
import os
import shutil

import pytest

from lan import Lan
from machines import MIB, HubHost, Machine, sha256_of, until

REPO = "org/model"
FILES = {"big.bin": 24 * MIB + 5, "config.json": 700}
BIG = REPO + ":big.bin"
SIZE = sum(FILES.values())
SLOW = "160mbit"  # 20 MB a second: 24 MiB take more than one


@pytest.fixture
def hub(lan):
    return HubHost(lan.host("hub"), {REPO: FILES})


@pytest.fixture
def machine(lan, hub, build):
    """machine(NAME, ...): a new one."""
    return lambda name, **options: Machine(lan.host(name), build, hub, **options)


@pytest.fixture
def holder(machine):
    """A node that holds all of org/model, from the hub."""
    holder = machine("holder").start()
    holder.ok("get", REPO)
    return holder


def takes(taker, hub, name=REPO, size=SIZE):
    """taker gets all from peers: the hub gives nothing, nothing is wasted, and the bytes are the genuine ones."""
    before = hub.content_bytes()
    got = taker.get(name)
    assert (got["bytes_from_hub"], got["bytes_from_peers"], got["bytes_wasted"]) == (0, size, 0)
    assert hub.content_bytes() == before
    assert_right(hub, got)
    return got


def assert_right(hub, got):
    for path in FILES:
        full = os.path.join(got["path"], path) if os.path.isdir(got["path"]) else got["path"]
        if os.path.basename(full) == path:
            assert sha256_of(full) == sha256_of(hub.path(REPO, path))


@pytest.mark.parametrize("mode, other_mode", [("embedded", "embedded"), ("daemon", "daemon"), ("embedded", "daemon")])
def test_from_one_to_another(machine, hub, mode, other_mode):
    elm, oak = machine("elm"), machine("oak")
    for one, how in ((elm, mode), (oak, other_mode)):
        if how == "daemon":
            one.host.daemon()
        one.start(discovery=how)
    elm.ok("get", REPO)
    takes(oak.sees(elm).knows_holder(elm, len(FILES)), hub)


def test_found_and_taken_without_a_node_that_stays(machine, hub, holder):
    """`get` alone runs a node for the while. How soon it finds the holder is not the matter here: the hub may not be asked."""
    takes(machine("oak", env={"LARDER_HUB_USE": "never"}), hub)


def test_static_peers_only(machine, hub):
    elm = machine("elm").start(discovery="off")
    elm.ok("get", REPO)
    oak = machine("oak").start("--peer", elm.address, discovery="off")
    takes(oak.sees(elm), hub)
    assert elm.peer("oak")["here"]


def test_the_hub_is_down(machine, hub, holder):
    oak = machine("oak").start().sees(holder)
    oak.ok("resolve", REPO)
    hub.stop()
    got = oak.get(REPO)
    assert (got["bytes_from_hub"], got["bytes_from_peers"], got["remembered"]) == (0, SIZE, True)
    assert_right(hub, got)


def test_by_digest_while_the_hub_is_down(machine, hub, holder):
    hub.stop()
    digest = sha256_of(hub.path(REPO, "big.bin"))
    got = machine("oak").start().sees(holder).get("sha256:" + digest)
    assert got["bytes_from_peers"] == FILES["big.bin"] and sha256_of(got["path"]) == digest


def test_a_peer_is_killed_in_the_middle(machine, hub, holder):
    """The hub gives what was missing, and no more than that but for what was under way."""
    oak = machine("oak").start().sees(holder)
    before = hub.content_bytes()
    holder.host.shape(SLOW)
    process = oak.popen("get", BIG, "--json")
    until(lambda: transferred(oak) > 8 * MIB, "some of it has come")
    holder.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    from_hub = hub.content_bytes() - before
    assert 0 < from_hub < FILES["big.bin"] - 4 * MIB
    assert sha256_of(oak.get(BIG)["path"]) == sha256_of(hub.path(REPO, "big.bin"))


def transferred(machine):
    return sum(transfer["bytes_done"] for transfer in machine.ok("status", "--json").json["node"]["transfers"])


def test_a_peer_without_its_cable(machine, hub, holder):
    """It does not say goodbye: that it is gone has to be noticed, and the hub gives what is missing."""
    oak = machine("oak").start().sees(holder)
    holder.host.shape(SLOW)
    process = oak.popen("get", BIG, "--json")
    until(lambda: transferred(oak) > 4 * MIB, "some of it has come")
    holder.host.unplug()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert sha256_of(oak.get(BIG)["path"]) == sha256_of(hub.path(REPO, "big.bin"))


def test_a_damaged_disk(machine, hub, holder):
    """What is bad there is not taken, and repaired there by the next get at the cost of the bad chunk."""
    digest = sha256_of(hub.path(REPO, "big.bin"))
    path = holder.blob_path(digest)
    status = os.stat(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(5 * MIB + 17)
        byte = file.read(1)
        file.seek(5 * MIB + 17)
        file.write(bytes([byte[0] ^ 1]))
    os.chmod(path, status.st_mode)
    oak = machine("oak").start().sees(holder)
    before = hub.content_bytes()
    got = oak.get(BIG)
    assert sha256_of(got["path"]) == digest
    assert got["bytes_wasted"] <= 2 * MIB
    assert hub.content_bytes() > before  # nobody else had it
    until(lambda: not os.path.exists(path), "the holder has put the damaged file aside")
    before = hub.content_bytes()
    assert sha256_of(holder.get(BIG)["path"]) == digest
    assert hub.content_bytes() - before <= MIB


def test_two_take_from_one(machine, hub, holder):
    """At the same time, the hub giving nothing."""
    takers = [machine(name).start() for name in ("oak", "ash")]
    for taker in takers:
        taker.sees(holder, *(other for other in takers if other is not taker))
    before = hub.content_bytes()
    holder.host.shape(SLOW)
    processes = [taker.popen("get", BIG, "--json") for taker in takers]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert json.loads(out)["bytes_wasted"] == 0
    assert hub.content_bytes() == before
    for taker in takers:
        assert sha256_of(taker.get(BIG)["path"]) == sha256_of(hub.path(REPO, "big.bin"))


def test_one_takes_from_three(machine, hub, holder):
    givers = [holder] + [machine(name).start() for name in ("oak", "ash")]
    for giver in givers[1:]:
        takes(giver.sees(holder), hub)
    for giver in givers:
        giver.host.shape(SLOW)
    taker = machine("taker").start().sees(*givers)
    for giver in givers:
        taker.knows_holder(giver, len(FILES))
    takes(taker, hub)
    gave = {giver.host.name: taker.peer(giver.host.name)["bytes_in"] for giver in givers}
    assert all(bytes_in > 2 * MIB for bytes_in in gave.values()), gave


def test_a_node_in_two_networks(lan, hub, machine, holder, build):
    """What it has taken in the one it gives in the other, where there is no hub."""
    with Lan() as other:
        between = Machine(lan.host("between"), build, hub)
        other.attach(between.host)
        takes(between.start().sees(holder), hub)
        far = Machine(other.host("far"), build, hub).start().sees(between)
        got = far.get("sha256:" + sha256_of(hub.path(REPO, "big.bin")))
        assert got["bytes_from_peers"] == FILES["big.bin"] and sha256_of(got["path"]) == sha256_of(hub.path(REPO, "big.bin"))
        assert not far.peer("holder")


def test_ipv6_only(build):
    with Lan(ipv4=False) as lan:
        host = lan.host("elm")
        hub = HubHost(host, {REPO: FILES}, address="127.0.0.1")
        elm = Machine(host, build, hub).start()
        elm.ok("get", REPO)
        digest = sha256_of(hub.path(REPO, "big.bin"))
        oak = Machine(lan.host("oak"), build).start().sees(elm)
        got = oak.get("sha256:" + digest)
        assert got["bytes_from_peers"] == FILES["big.bin"] and sha256_of(got["path"]) == digest
        assert oak.peer("elm")["address"].startswith("[fe80:")


def test_two_from_one_copied_home(machine, hub, holder):
    """A disk was cloned, larder's folder with it. Each becomes a node of its own, and the third takes from both."""
    first = machine("first").start().sees(holder)
    takes(first, hub)
    first.stop()
    second = machine("second")
    shutil.copytree(first.home, second.home, symlinks=True)
    first.start(), second.start()
    second.sees(first), first.sees(second)
    nodes = {one.ok("status", "--json").json["node"]["node"] for one in (first, second)}
    assert len(nodes) == 2
    third = machine("third").start().sees(first, second)
    takes(third, hub)


def test_eight_gets_at_once_on_one_machine(machine, hub, holder):
    """Without a node that stays: one of them is the node of all. As above, the hub may not be asked."""
    oak = machine("oak", env={"LARDER_HUB_USE": "never"})
    before = hub.content_bytes()
    processes = [oak.popen("get", REPO, "--json") for _ in range(8)]
    for process in processes:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    assert hub.content_bytes() == before
    takes_nothing = oak.get(REPO)
    assert (takes_nothing["bytes_from_hub"], takes_nothing["bytes_from_peers"]) == (0, 0)
    assert_right(hub, takes_nothing)


# --- who may see what

def test_a_private_group(machine, hub):
    """Its members give to each other; who is outside learns nothing and gets nothing from them."""
    elm, oak, outside = machine("elm"), machine("oak"), machine("outside")
    code = elm.ok("group", "create", "--json").json["code"]
    joined = oak.run("group", "join", code)
    assert joined.code == 0, joined
    for one in (elm, oak, outside):
        one.start()
    elm.ok("get", REPO)
    takes(oak.sees(elm), hub)
    assert not [peer for peer in outside.peers() if peer["here"]]
    before = hub.content_bytes()
    got = outside.get(REPO)
    assert (got["bytes_from_peers"], hub.content_bytes() - before) == (0, SIZE)


def test_a_gated_repo_stays_out_of_the_open_group(lan, build):
    hub = HubHost(lan.host("hub"), {REPO: FILES}, "--token", "hf_reader=reader", "--gated", REPO + "=reader")
    digest = sha256_of(hub.path(REPO, "big.bin"))
    elm = Machine(lan.host("elm"), build, hub, env={"HF_TOKEN": "hf_reader"}).start()
    oak = Machine(lan.host("oak"), build, hub, env={"HF_TOKEN": "hf_reader"}).start().sees(elm)
    elm.ok("get", BIG)
    assert oak.run("who", "sha256:" + digest).code == 3
    assert oak.peer("elm")["digests"] == 0
    assert oak.run("get", "sha256:" + digest).code == 3
    before = hub.content_bytes()
    got = oak.get(BIG)
    assert (got["bytes_from_peers"], hub.content_bytes() - before) == (0, FILES["big.bin"])
