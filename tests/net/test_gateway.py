"""The gateway on a LAN: who else may use it, and what comes from peers over a slow line."""
import subprocess
import sys

import pytest

from machines import MIB, HubHost, Machine, sha256_of, until

FILES = {"big.bin": 24 * MIB + 5, "config.json": 700}
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"
PORT = 5274


@pytest.fixture
def hub(lan):
    return HubHost(lan.host("hub"), {"org/model": FILES, "org/gated": {"secret.bin": 5000}}, "--token", TOKEN + "=alice", "--gated", "org/gated=alice")


def status_of(host, url, *options):
    """What curl was answered; "000" when nobody answered."""
    done = subprocess.run(host.inside("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", *options, url), capture_output=True, text=True)
    return done.stdout


def url_of(host, path, repo="org/model"):
    return "http://%s:%d/%s/resolve/main/%s" % (host, PORT, repo, path)


def test_other_machines(lan, hub, build):
    elm, oak, ash = (lan.host(name) for name in ("elm", "oak", "ash"))
    Machine(elm, build, hub).start("--gateway", "0.0.0.0:%d" % PORT, "--gateway-allow", oak.address, "--gateway-host", "elm.lan")
    mine = ["-H", "Authorization: Bearer " + TOKEN]
    assert status_of(oak, url_of(elm.address, "config.json")) == "200"
    assert status_of(ash, url_of(elm.address, "config.json")) == "000", "it was not allowed"
    # From afar: public files, and tokens are not looked at.
    assert status_of(elm, url_of("127.0.0.1", "secret.bin", "org/gated"), *mine) == "200"
    assert status_of(elm, url_of("127.0.0.1", "secret.bin", "org/gated")) == "401"
    assert status_of(oak, url_of(elm.address, "secret.bin", "org/gated")) == "401"
    assert status_of(oak, url_of(elm.address, "secret.bin", "org/gated"), *mine) == "401"
    # By its address, and by the names that it was given.
    assert status_of(oak, url_of(elm.address, "config.json"), "-H", "Host: evil.example") == "403"
    assert status_of(oak, url_of(elm.address, "config.json"), "-H", "Host: elm.lan:%d" % PORT) == "200"
    assert status_of(oak, url_of(elm.address, "config.json"), "-H", "Host: " + ash.address) == "403"


def test_a_small_part_of_what_a_peer_has(lan, hub, build):
    """A library asks for the first byte of each file: that costs the hub nothing where a peer holds it."""
    holder, oak = (Machine(lan.host(name), build, hub) for name in ("holder", "oak"))
    holder.start().ok("get", "org/model")
    oak.start("--gateway", "127.0.0.1:%d" % PORT).sees(holder).knows_holder(holder, len(FILES))
    before = hub.content_bytes()
    for path in FILES:
        with open(hub.path("org/model", path), "rb") as genuine:
            content = genuine.read()
        for part in ("0-0", "100-299"):
            first, last = map(int, part.split("-"))
            done = subprocess.run(oak.host.inside("curl", "-sS", "--fail", "-r", part, url_of("127.0.0.1", path)), capture_output=True)
            assert done.stdout == content[first:last + 1], done.stderr
    until(lambda: len(oak.blobs()) == len(FILES), "all of them are here")
    assert hub.content_bytes() == before


LARGE = 65 * MIB


def test_a_small_part_of_a_large_file(lan, build):
    """It is no reason to fetch the file; where the hub does not answer it is fetched all the same."""
    hub = HubHost(lan.host("hub"), {"org/large": {"large.bin": LARGE}})
    holder, oak = (Machine(lan.host(name), build, hub) for name in ("holder", "oak"))
    holder.start().ok("get", "org/large")
    oak.start("--gateway", "127.0.0.1:%d" % PORT).sees(holder).knows_holder(holder, 1)
    url, before = url_of("127.0.0.1", "large.bin", "org/large"), hub.content_bytes()
    with open(hub.path("org/large", "large.bin"), "rb") as genuine:
        start = genuine.read(10)
    assert oak.host.run("curl", "-sS", "--fail", "-r", "0-0", "-o", "/dev/null", "-w", "%{http_code}", url) == "206"
    assert hub.content_bytes() == before + 1 and not oak.blobs()
    hub.host.unplug()
    done = subprocess.run(oak.host.inside("curl", "-sS", "--fail", "-r", "0-9", url), capture_output=True)
    assert done.stdout == start, done.stderr
    until(oak.blobs, "all of it is here")


READ = """
import hashlib, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    print(answer.status, answer.headers.get("X-Larder-Wait", "")[:1], hashlib.sha256(answer.read()).hexdigest())
"""


def test_what_only_a_slow_peer_has(lan, hub, build):
    """It takes longer than clients wait for a byte, and none may be given before the end."""
    holder = Machine(lan.host("holder"), build, hub).start()
    holder.ok("get", "org/model")
    oak = Machine(lan.host("oak"), build, hub, env={"LARDER_HUB_USE": "never"}).start("--gateway", "127.0.0.1:%d" % PORT)
    oak.sees(holder).knows_holder(holder, len(FILES))
    holder.host.shape("12mbit")
    before = hub.content_bytes()
    done = subprocess.run(oak.host.inside(sys.executable, "-c", READ, url_of("127.0.0.1", "big.bin")), capture_output=True, text=True)
    assert done.stdout.split() == ["200", ".", sha256_of(hub.path("org/model", "big.bin"))], done.stderr
    assert hub.content_bytes() == before
