"""Nodes on one machine that know each other's port: who holds what, fetching from each other, and joining the node of a home."""
import os
import re
import shutil
import signal
import subprocess

import pytest
from content import FILES, MIB, WEIGHTS, assert_holds, files_of, same
from hub import Hub
from larder import DONE, NOT_FOUND, OTHER
from nodes import Node, daemon_binary, knows, wait_for, wait_for_peers

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


# --- looking

def test_status_tells_of_the_node(larder, holder):
    status = holder.status()
    assert status["pid"] == holder.process.pid and status["port"] == holder.port and status["name"] == "holder"
    assert status["group"]["open"] and status["discovery"] == "off" and not status["passing"]
    assert status["gateway"] is None and re.search("^gateway +off$", larder.ok("status").out, re.M)
    wait_for(lambda: holder.status()["shared_blobs"] == len(FILES), "all files are shared")
    assert str(holder.process.pid) in larder.ok("status").out


@pytest.mark.parametrize("discovery, at_first, then", [("off", "off", "off"), ("embedded", "starting|built in", "built in")])
def test_the_discovery_that_is_in_use(larder, discovery, at_first, then):
    with Node(larder, "--discovery", discovery, "--interface", "no-such-link") as node:
        assert re.search(r"is ready: .*, discovery (%s), " % at_first, node.log)
        wait_for(lambda: node.status()["discovery"] == then, "the status says which discovery is in use")


def test_a_peer_whose_name_is_not_known(larder):
    with Node(larder, "--peer", "no-such-name.invalid") as node:
        wait_for(lambda: "peer = no-such-name.invalid: the name stands for no address" in node.log, "a word about it")


def test_a_home_that_is_removed(larder):
    node = Node(larder)
    shutil.rmtree(larder.home)
    wait_for(lambda: node.process.poll() is not None, "the node ends by itself")
    assert node.stop() == OTHER and "the home %s is gone" % larder.home in node.log


def test_status_without_a_node(larder):
    assert larder.ok("status", "--json").json["node"] is None


@pytest.mark.asan
def test_peers(larder, other, holder):
    with Node(other, "--name", "other", peers=[holder]) as node:
        wait_for_peers(node, 1)
        wait_for(lambda: node.peers()[0]["digests"] >= len(FILES), "the holder has told what it holds")
        seen = node.peers()[0]
        assert (seen["name"], seen["node"], seen["verdict"]) == ("holder", holder.status()["node"], "")
        assert seen["address"] == holder.address
        assert "holder" in other.ok("peers").out
        assert [peer["name"] for peer in holder.peers()] == ["other"]
        assert holder.status()["peers"] == 1


@pytest.mark.asan
def test_peers_without_a_node_listens(other, holder):
    knows(other, holder)
    heard = other.ok("peers", "--json").json
    assert heard["heard"] == 1 and heard["peers"][0]["name"] == "holder"


def test_no_peers(larder):
    told = larder.ok("peers")
    assert told.out == "" and told.says("no other node")


@pytest.mark.asan
def test_who_holds_a_repo(other, holder):
    knows(other, holder)
    told = other.ok("who", "org/model", "--json").json
    assert told["files"] == len(FILES) and told["here"] == 0 and told["heard"] == 1
    assert [(h["name"], h["whole"], h["part"]) for h in told["holders"]] == [("holder", len(FILES), 0)]
    assert "holder" in other.ok("who", "org/model").out


def test_who_holds_a_file(other, holder, model):
    knows(other, holder)
    digest = "sha256:" + files_of(model)["model.safetensors"].sha256
    for name in ("org/model:model.safetensors", digest):
        holders = other.ok("who", name, "--json").json["holders"]
        assert [(h["whole"], h["part"]) for h in holders] == [(1, 0)]
        assert holders[0]["round_trip_us"] > 0


def test_who_holds_what_nobody_has(hub, other, holder):
    knows(other, holder)
    hub.add("org/unheard", {"file.bin": (MIB, "unheard")})
    told = other.fails(NOT_FOUND, "who", "org/unheard")
    assert told.says("1 other node was heard")
    assert other.fails(NOT_FOUND, "who", "org/unheard", "--json").json["holders"] == []


def test_who_by_a_name_while_the_hub_is_away(hub, other, holder):
    knows(other, holder)
    other.ok("resolve", "org/model")
    hub.down()
    assert other.ok("who", "org/model", "--json").json["holders"][0]["whole"] == len(FILES)


@pytest.mark.asan
def test_ls_peers(other, holder, model):
    knows(other, holder)
    told = other.ok("ls", "--peers", "--json").json
    assert {(f["repo"], f["path"], f["size"]) for f in told["files"]} == {
        ("org/model", path, entry.size) for path, entry in files_of(model).items()}
    assert all(f["nodes"] == [holder.status()["node"]] for f in told["files"])
    assert [f["path"] for f in other.ok("ls", "--peers", "org/model:config.json", "--json").json["files"]] == ["config.json"]
    assert "org/model:model.safetensors" in other.ok("ls", "--peers").out


def test_ls_peers_of_a_node_that_shows_no_names(larder, other, model):
    with Node(larder, "--share-names", "no") as node:
        larder.ok("get", "org/model")
        knows(other, node)
        told = other.ok("ls", "--peers", "--json").json
        assert told["heard"] == 1 and told["files"] == []


# --- fetching

@pytest.mark.asan
def test_get_from_a_peer(hub, other, holder, model):
    before = hub.counters()["content_bytes"]
    knows(other, holder)
    got = other.ok("get", "org/model", "--json").json
    assert hub.counters()["content_bytes"] == before
    assert got["bytes_from_hub"] == 0 and got["bytes_from_peers"] >= WEIGHTS
    assert_holds(got["path"], model)
    assert wait_for(lambda: holder.status()["served_bytes"] >= WEIGHTS, "it tells what it gave")
    assert other.ok("status", "--json").json["peer_bytes"] >= WEIGHTS


def test_get_tells_where_it_came_from(other, holder):
    knows(other, holder)
    assert other.ok("get", "org/model").says("from other nodes")
    assert other.ok("get", "org/model").says("held already")


@pytest.mark.asan
def test_get_by_hash(hub, other, holder, model, tmp_path):
    entry = files_of(model)["model.safetensors"]
    target = str(tmp_path / "weights")
    before = hub.counters()["total_requests"]
    knows(other, holder)
    got = other.ok("get", "sha256:" + entry.sha256, "--to", target, "--json").json
    assert (got["held"], got["size"]) == (False, entry.size) and got["bytes_from_peers"] >= entry.size
    assert same(entry, target)
    assert hub.counters()["total_requests"] == before
    assert other.ok("get", entry.sha256, "--json").json["held"]


@pytest.mark.asan
def test_what_is_added_is_shared_when_the_owner_says_so(larder, other, tmp_path):
    mine, kept = tmp_path / "mine.bin", tmp_path / "kept.bin"
    mine.write_bytes(os.urandom(3 * MIB + 17))
    kept.write_bytes(os.urandom(MIB))
    with Node(larder) as node:
        knows(other, node)
        secret = larder.ok("add", str(kept)).out.split()[0]
        other.fails(NOT_FOUND, "get", secret, "--to", str(tmp_path / "none"))
        shared = larder.ok("add", "--share", str(mine), "--json").json["files"][0]
        assert shared["shared"]
        wait_for(lambda: node.status()["shared_blobs"] == 1, "the node has noticed")
        other.ok("get", shared["digest"], "--to", str(tmp_path / "got"))
        assert (tmp_path / "got").read_bytes() == mine.read_bytes()
        other.ok("rm", shared["digest"])
        larder.ok("add", str(mine))
        wait_for(lambda: node.status()["shared_blobs"] == 0, "the node has noticed")
        other.fails(NOT_FOUND, "get", shared["digest"], "--to", str(tmp_path / "gone"))


def test_get_by_hash_what_nobody_has(other, holder):
    knows(other, holder)
    told = other.fails(NOT_FOUND, "get", "sha256:" + "ab" * 32)
    assert told.says("no peer")


def test_get_by_hash_alone(larder):
    assert larder.fails(NOT_FOUND, "get", "sha256:" + "ab" * 32).err.strip()


def test_a_peer_that_gives_nothing(hub, larder, other, model):
    with Node(larder, "--serve", "no") as node:
        larder.ok("get", "org/model")
        before = hub.counters()["content_bytes"]
        knows(other, node)
        assert_holds(other.ok("get", "org/model").folder, model)
        assert hub.counters()["content_bytes"] >= before + WEIGHTS


@pytest.mark.asan
def test_a_peer_that_dies_in_the_middle(hub, larder, other):
    size = 48 * MIB
    repo = hub.add("org/big", {"big.bin": (size, "big")})
    with Node(larder) as node:
        larder.ok("get", "org/big")
        knows(other, node)
        hub.fault(action="slow", kind="cdn", rate=8 * MIB)
        process = other.start("get", "org/big", "--json")
        wait_for(lambda: process.poll() is not None or node.status()["served_bytes"] > MIB, "some of it has come")
        node.stop(signal.SIGKILL)
        hub.clear_faults()
        out, err = process.communicate(timeout=90)
        assert process.returncode == DONE, err
        assert same(files_of(repo)["big.bin"], os.path.join(other.ok("get", "org/big").folder, "big.bin"))


def test_get_from_a_peer_while_the_hub_is_away(hub, other, holder, model):
    other.ok("resolve", "org/model")
    hub.down()
    knows(other, holder)
    assert_holds(other.ok("get", "org/model").folder, model)


# --- joining the node of a home

@pytest.mark.asan
def test_eight_gets_through_one_node(hub, larder):
    size = 32 * MIB + 5
    repo = hub.add("org/big", {"big.safetensors": (size, "big"), "config.json": "{}"})
    with Node(larder) as node:
        hub.fault(action="slow", kind="cdn", rate=12 * MIB, shared=True)
        processes = [larder.start("get", "org/big", "--json") for _ in range(8)]
        wait_for(lambda: [t for t in node.status()["transfers"] if t["name"] == "org/big:big.safetensors"], "the node fetches")
        for process in processes:
            out, err = process.communicate(timeout=90)
            assert process.returncode == DONE, err
        assert hub.counters()["files"]["org/big:big.safetensors"]["bytes"] == size
        assert same(files_of(repo)["big.safetensors"], larder.ok("get", "org/big:big.safetensors").folder)


@pytest.mark.asan
def test_a_node_that_goes_away_is_replaced(hub, larder):
    size = 40 * MIB
    repo = hub.add("org/big", {"big.bin": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=16 * MIB)
    with Node(larder) as node:
        process = larder.start("get", "org/big", "--json")
        wait_for(lambda: hub.counters()["content_bytes"] > 4 * MIB, "some of it has come")
        node.stop(signal.SIGKILL)
        out, err = process.communicate(timeout=90)
    assert process.returncode == DONE, err
    assert same(files_of(repo)["big.bin"], os.path.join(larder.ok("get", "org/big").folder, "big.bin"))
    assert hub.counters()["content_bytes"] < 1.5 * size


def test_a_get_with_another_hub_goes_by_itself(hub, larder):
    with Hub() as second, Node(larder):
        repo = second.add("org/elsewhere", {"file.bin": (2 * MIB, "elsewhere")})
        assert_holds(larder.ok("get", "org/elsewhere", "--hub", second.url).folder, repo)


def test_the_token_of_who_asks_counts(hub, larder):
    repo = hub.add("org/private", {"file.bin": (2 * MIB, "private")})
    hub.add_token(TOKEN, "reader")
    hub.protect("org/private", private=True, readers=["reader"])
    with Node(larder):
        larder.fails(NOT_FOUND, "get", "org/private")
        assert_holds(larder.ok("get", "org/private", env={"HF_TOKEN": TOKEN}).folder, repo)


def test_a_home_has_one_node(larder):
    with Node(larder) as node:
        second = subprocess.run([daemon_binary(), "--discovery", "off"], env=larder.environment(None), capture_output=True, text=True, timeout=30)
        assert second.returncode == 1 and str(node.process.pid) in second.stderr
