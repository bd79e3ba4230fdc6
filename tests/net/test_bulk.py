"""Pieces go over a connection of their own, sealed; and where that does not come about, breaks or is abused, they go over the session, with nobody worse off."""
import pytest

from machines import MIB, HubHost, Liar, Machine, sha256_of, until

REPO = "org/model"
SIZE = 64 * MIB + 5
BIG = REPO + ":big.bin"
BULK_PORT = 5275
TRICKS = ["garbage", "too long", "repeated", "nonsense", "over", "wrong ticket", "wrong key"]


@pytest.fixture
def hub(lan):
    return HubHost(lan.host("hub"), {REPO: {"big.bin": SIZE}})


@pytest.fixture
def machine(lan, hub, build):
    return lambda name, **options: Machine(lan.host(name), build, hub, **options)


def holder_of(machine, *flags, name="holder"):
    holder = machine(name).start(*flags)
    holder.ok("get", BIG)
    return holder


def took(taker, hub, before):
    got = taker.get(BIG)
    assert (got["bytes_from_hub"], got["bytes_from_peers"], got["bytes_wasted"]) == (0, SIZE, 0)
    assert hub.content_bytes() == before and sha256_of(got["path"]) == sha256_of(hub.path(REPO, "big.bin"))


def drop(host, what):
    """Whatever of the bulk connection the host would send is lost, silently, as behind a firewall."""
    host.run("ip", "rule", "add", "pref", "1", "ipproto", "tcp", what, str(BULK_PORT), "blackhole")


@pytest.mark.parametrize("dials", ["taker", "holder"])
def test_nearly_all_goes_over_it(machine, hub, dials):
    """Whichever end has dialed the other."""
    if dials == "taker":
        holder = holder_of(machine)
        taker = machine("taker").start("--peer", holder.address, discovery="off")
    else:
        taker = machine("taker").start(discovery="off")
        holder = holder_of(machine, "--peer", taker.address, "--discovery", "off")
    before = hub.content_bytes()
    took(taker.sees(holder), hub, before)
    seen, given = taker.peer("holder"), holder.peer("taker")
    assert SIZE / 2 < seen["bulk_bytes_in"] <= seen["bytes_in"] and seen["bulk_bytes_out"] == 0
    assert given["bulk_bytes_out"] == seen["bulk_bytes_in"]


def test_off(machine, hub):
    holder = holder_of(machine, "--bulk-port", "off")
    taker = machine("taker").start("--bulk-port", "off").sees(holder)
    took(taker, hub, hub.content_bytes())
    assert taker.peer("holder")["bulk_bytes_in"] == 0


@pytest.mark.parametrize("where", ["asked", "answered"])
def test_a_firewall_in_between(machine, hub, where):
    """The port is not reached, or what answers does not come through; both ends are in the same way."""
    holder = holder_of(machine)
    taker = machine("taker").start("--peer", holder.address, discovery="off").sees(holder)
    for one in (holder, taker):
        drop(one.host, "dport" if where == "asked" else "sport")
    took(taker, hub, hub.content_bytes())
    assert taker.peer("holder")["bulk_bytes_in"] == 0


@pytest.mark.parametrize("end", ["holder", "taker"])
def test_lost_in_the_middle(machine, hub, end):
    """What one end sends over it does not arrive any more, and nobody says so: the session goes on, and brings what is missing."""
    holder = holder_of(machine)
    taker = machine("taker", env={"LARDER_HUB_USE": "never"}).start("--peer", holder.address, discovery="off").sees(holder)
    holder.host.shape("160mbit")
    process = taker.popen("get", BIG, "--json")
    until(lambda: (taker.peer("holder") or {}).get("bulk_bytes_in", 0) > 16 * MIB, "some of it has come that way")
    drop((holder if end == "holder" else taker).host, "sport")
    drop((holder if end == "holder" else taker).host, "dport")
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, (out, err)
    assert sha256_of(taker.get(BIG)["path"]) == sha256_of(hub.path(REPO, "big.bin"))
    seen = taker.peer("holder")
    assert seen["bulk_bytes_in"] < SIZE - 8 * MIB and seen["verdict"] == ""


@pytest.mark.parametrize("trick", TRICKS)
def test_one_who_abuses_it(lan, machine, hub, build, trick):
    """The file comes from who does not; the connection is ended. Who has sealed nonsense himself has broken a rule; of all else somebody in between may have been the cause."""
    honest = holder_of(machine, name="honest")
    honest.host.shape("160mbit")
    taker = machine("taker").start().sees(honest).knows_holder(honest, 1)
    liar = Liar(lan.host("liar"), build, "bulk", hub.path(REPO, "big.bin"), "--which", str(TRICKS.index(trick)), dials=[taker])
    taker.sees("bulk")
    before = hub.content_bytes()
    got = taker.get(BIG)
    assert sha256_of(got["path"]) == sha256_of(hub.path(REPO, "big.bin")) and hub.content_bytes() == before
    assert got["bytes_from_hub"] == 0 and got["bytes_wasted"] <= 8 * MIB  # on a busy machine the frontier is asked of both
    event = until(lambda: liar.events("bulk"), "it was offered a bulk connection")[0]
    assert event["trick"] == trick and event["open"] and event["ended"]
    assert event["proven"] == (trick not in ("wrong ticket", "wrong key"))
    byes = [bye["reason"] for bye in liar.events("bye")]
    assert ("broken" in byes) == (trick == "nonsense"), byes
    assert taker.peer("honest")["verdict"] == ""
    taker.stop()


def test_strangers_do_not_stay(machine, hub, lan):
    """Connections that show no ticket are few from one address, and closed after a while; a transfer works beside them."""
    holder = holder_of(machine)
    taker = machine("taker").start("--peer", holder.address, discovery="off").sees(holder)
    stranger = lan.host("stranger")
    script = ("import socket, sys\n"
              "all = [socket.create_connection(('%s', %d)) for _ in range(8)]\n"
              "print('ready', flush=True)\n"
              "[s.settimeout(20) for s in all]\n"
              "print('ended', sum(s.recv(1) == b'' for s in all), flush=True)\n" % (holder.address, BULK_PORT))
    process = stranger.start("python3", "-c", script)
    process.wait_for(lambda line: line == "ready")
    took(taker, hub, hub.content_bytes())
    assert taker.peer("holder")["bulk_bytes_in"] > SIZE / 2
    process.wait_for(lambda line: line == "ended 8")
