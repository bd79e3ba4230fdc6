"""Peers that lie, stall or talk nonsense, between honest ones and alone: what is right arrives, what is wrong is named, and little is wasted."""
import pytest

from machines import MIB, HubHost, Liar, Machine, sha256_of, until

REPO = "org/model"
SIZE = 24 * MIB + 5
BIG = REPO + ":big.bin"
WASTE_MAX = 64 * MIB  # DESIGN.md, section 3

# What each has shown of itself in the end. None: nothing that could be held against it, or against anybody. "head" breaks its own states where its two files meet, and contradicts what is anchored before that:
# which of the two is found first is chance.
VERDICTS = {
    "wrong-chunk": ("damaged",), "other-file": ("refuted",), "head": ("damaged", "refuted"), "wrong-size": ("unproven",), "silent": None, "silent-other": ("refuted",),
    "no-chain": ("unproven",), "holdings": ("unproven",), "busy": None, "drip": None, "gaps": None, "garbage": None, "oversized": None, "flood": None,
    "replay": None, "wrong-group": None, "stall": None,
}
# So slow are the honest ones that the time of who does not deliver runs out. The hub, which would help then, must not.
RATES = {"no-chain": "8mbit", "holdings": "8mbit", "wrong-size": "8mbit"}


@pytest.fixture
def hub(lan):
    return HubHost(lan.host("hub"), {REPO: {"big.bin": SIZE}})


def fill(machine, hub):
    machine.start()
    machine.ok("get", BIG)
    return machine


@pytest.mark.parametrize("mode", sorted(VERDICTS))
def test_one_among_three_that_are_honest(lan, hub, build, mode, measured):
    honest = [fill(Machine(lan.host("honest%d" % n), build, hub), hub) for n in range(3)]
    for one in honest:
        one.host.shape(RATES.get(mode, "160mbit"))
    taker = Machine(lan.host("taker"), build, hub, env={"LARDER_HUB_USE": "never"} if mode in RATES else None)
    host = lan.host("liar")
    taker.start("--peer", host.address)
    taker.sees(*honest)
    for one in honest:
        taker.knows_holder(one, 1)
    liar = Liar(host, build, mode, hub.path(REPO, "big.bin"), dials=[taker])
    if mode not in ("replay", "wrong-group", "oversized", "garbage", "flood", "stall"):
        taker.sees(mode)
    before = hub.content_bytes()
    got = taker.get(BIG)
    assert sha256_of(got["path"]) == sha256_of(hub.path(REPO, "big.bin"))
    measured("a liar (%s) among three: wasted" % mode, "%.1f MiB" % (got["bytes_wasted"] / MIB))
    assert got["bytes_wasted"] <= WASTE_MAX and hub.content_bytes() == before
    assert {taker.peer(one.host.name)["verdict"] for one in honest} == {""}
    assert taker.node.popen.poll() is None and liar.process.popen.poll() is None
    seen = taker.peer(mode)
    if VERDICTS[mode]:
        assert seen["verdict"] in VERDICTS[mode] and seen["reason"], seen
    else:
        assert not seen or seen["verdict"] in ("", "unproven"), seen
    taker.stop()


@pytest.mark.parametrize("mode", ["wrong-chunk", "other-file", "head", "wrong-size", "silent", "no-chain", "holdings", "drip", "garbage"])
def test_liars_only_and_no_hub(lan, hub, build, mode):
    """Nothing is stored, and one clear sentence says why."""
    taker = Machine(lan.host("taker"), build, hub)
    host = lan.host("liar")
    taker.start("--peer", host.address)
    taker.ok("resolve", BIG)
    hub.stop()
    Liar(host, build, mode, hub.path(REPO, "big.bin"), dials=[taker])
    if mode != "garbage":
        taker.sees(mode)
    result = taker.run("get", BIG, within=60)
    assert result.code in (3, 4, 5), result
    assert taker.blobs() == [] and result.err.strip(), result
    if mode in ("silent", "no-chain", "holdings", "wrong-size"):
        assert taker.peer(mode)["verdict"] == "unproven"
    assert taker.node.popen.poll() is None


def test_a_liar_is_shunned_when_it_comes_back(lan, hub, build):
    """Also after this node was started again: what it did is remembered on disk, and nothing is asked of it any more."""
    taker = Machine(lan.host("taker"), build, hub).start()
    honest = fill(Machine(lan.host("honest"), build, hub), hub)
    taker.sees(honest)
    host = lan.host("liar")
    liar = Liar(host, build, "other-file", hub.path(REPO, "big.bin"), dials=[taker])
    taker.sees("other-file")
    taker.get(BIG)
    until(lambda: taker.peer("other-file")["verdict"] == "refuted", "it is refuted")
    liar.stop()
    taker.stop()
    taker.ok("rm", BIG)
    taker.start().sees(honest)
    Liar(host, build, "other-file", hub.path(REPO, "big.bin"), dials=[taker])
    taker.sees("other-file")
    before = hub.content_bytes()
    got = taker.get(BIG)
    assert (got["bytes_wasted"], hub.content_bytes()) == (0, before)
    peer = taker.peer("other-file")
    assert peer["verdict"] == "refuted" and peer["reason"] and peer["bytes_wasted"] == 0
