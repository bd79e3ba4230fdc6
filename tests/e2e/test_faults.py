"""What can go wrong between here and the hub. Two ends are right: the file, whole and proven, or one clear sentence,
the right code, and nothing unproven kept (Larder.check looks after each test)."""
import os
import threading

import pytest
from content import MIB, WEIGHTS, assert_holds, files_of, same
from hub_tls import make_certificates
from hub import Hub
from larder import DENIED, DONE, HUB_AWAY, NOT_FOUND, OTHER, UNPROVEN, Larder
from proxy import Proxy

NAME = "model.safetensors"


def once(action, kind="cdn", **fields):
    return {"action": action, "kind": kind, "times": 1, **fields}


PASSING = {
    "closed at the listing": once("close", "tree"),
    "reset at the listing": once("reset", "tree"),
    "closed at resolve": once("close", "resolve"),
    "closed at the CDN": once("close"),
    "reset at the CDN": once("reset"),
    "500 from the listing": once("status", "tree", code=500),
    "502 from resolve": once("status", "resolve", code=502),
    "503 from the CDN, twice": once("status", code=503, times=2),
    "500 from the resolve cache": once("status", "cached", code=500),
    "429 with Retry-After at the listing": once("busy", "tree", seconds=1),
    "429 with RateLimit at resolve": once("busy", "resolve", seconds=1, form="ratelimit"),
    "429 with both at the CDN": once("busy", seconds=1, form="both"),
    "503 with Retry-After": once("busy", "resolve", seconds=1, code=503),
    "cut at once": once("cut", at=0),
    "cut within the first chunk": once("cut", at=1000),
    "cut on the edge of a chunk": once("cut", at=2 * MIB),
    "cut before the last byte": once("cut", at=WEIGHTS - 1),
    "cut three times": once("cut", at=1 * MIB + 5, times=3),
    "reset midway": once("cut", at=3 * MIB + 1, reset=True),
    "a small file cut": once("cut", "cached", at=10),
    "expired at once": once("expire"),
    "expired midway": once("expire-after", at=2 * MIB + 7),
    "expired midway, three times": once("expire-after", at=1 * MIB + 7, times=3),
    "gzip from the CDN": {"action": "gzip", "kind": "cdn"},
    "gzip from the resolve cache": {"action": "gzip", "kind": "cached"},
    "an answer without X-Linked-ETag": {"action": "drop-headers", "kind": "any", "names": ["X-Linked-ETag"]},
    "an answer without any ETag": {"action": "drop-headers", "kind": "any", "names": ["ETag", "X-Linked-ETag"]},
    "an answer without linked size": {"action": "drop-headers", "kind": "any", "names": ["X-Linked-Size"]},
    "a weak ETag": {"action": "set-headers", "kind": ["cached", "cached-head"], "headers": {"ETag": 'W/"odd"'}},
    "a CDN that ignores Range": {"action": "no-range", "kind": "cdn"},
}


@pytest.mark.asan
@pytest.mark.parametrize("case", PASSING)
def test_passes_over(hub, larder, model, case):
    fault = hub.fault(**PASSING[case])
    got = larder.ok("get", "org/model")
    assert_holds(got.folder, model)
    assert hub.fault_hits(fault) > 0
    larder.ok("verify")


@pytest.mark.parametrize("case", ["an answer without X-Linked-ETag", "an answer without any ETag",
                                  "an answer without linked size"])
def test_one_file_when_its_head_says_too_little(hub, larder, model, case):
    hub.fault(**PASSING[case])
    told = larder.ok("resolve", "org/model:" + NAME)
    assert files_of(model)[NAME].sha256 in told.out
    larder.ok("get", "org/model:" + NAME)
    assert larder.has_blob(files_of(model)[NAME].sha256)


def test_nothing_is_loaded_twice_after_a_cut(hub, larder, model):
    hub.fault(**once("cut", at=3 * MIB + 1000, times=1))
    larder.ok("get", "org/model", NAME)
    assert hub.counters()["content_bytes"] <= WEIGHTS + MIB


@pytest.mark.asan
def test_a_cut_and_then_no_ranges(hub, larder, model):
    hub.fault(**once("cut", at=3 * MIB + 1000))
    hub.fault(action="no-range", kind="cdn")
    assert_holds(larder.ok("get", "org/model").folder, model)


@pytest.mark.asan
def test_a_cut_and_then_another_range_than_asked_for(hub, larder, model):
    hub.fault(**once("cut", at=3 * MIB + 1000))
    hub.fault(action="range-header", kind="cdn", delta=5, times=1, nth=2)
    assert_holds(larder.ok("get", "org/model").folder, model)


def test_random_failures(hub, larder, model):
    for seed, kind in enumerate(("tree", "info", "resolve", "cached", "cdn")):
        hub.fault(action="status", kind=kind, code=503, probability=0.3, seed=seed)
    assert_holds(larder.ok("get", "org/model").folder, model)


def test_silence_in_a_body_and_from_the_start(hub, larder, other, model):
    """Both at once, since each takes as long as larder's patience."""
    hub.add("org/mute", {"a.txt": "never told"})
    hub.fault(action="hang", repo="org/mute")
    hub.fault(**once("stall", at=2 * MIB + 3))
    stalled, mute = larder.start("get", "org/model", NAME), other.start("get", "org/mute")
    out, err = stalled.communicate(timeout=85)
    assert stalled.returncode == DONE, err
    assert_holds(out.strip(), model, [NAME])
    assert hub.counters()["content_bytes"] < WEIGHTS + 2 * MIB
    _, err = mute.communicate(timeout=85)
    assert mute.returncode == HUB_AWAY and err.strip(), err


@pytest.mark.asan
@pytest.mark.parametrize("offset", [0, MIB - 1, MIB, 3 * MIB + 12345, WEIGHTS - 1])
def test_one_flipped_bit_from_the_cdn(hub, larder, model, offset):
    hub.fault(action="flip", kind="cdn", path=NAME, at=offset)
    result = larder.fails(UNPROVEN, "get", "org/model")
    entry = files_of(model)[NAME]
    assert result.says(NAME, entry.sha256), result
    found = set(word.strip(".,;:()'\"") for word in result.err.replace("sha256:", " ").split())
    assert any(len(w) == 64 and w != entry.sha256 and set(w) <= set("0123456789abcdef") for w in found), result
    assert not larder.has_blob(entry.sha256)
    assert entry.sha256 not in larder.held()
    hub.clear_faults()
    assert_holds(larder.ok("get", "org/model").folder, model)


@pytest.mark.asan
def test_one_flipped_bit_in_a_small_file(hub, larder, model):
    hub.fault(action="flip", kind="cached", path="config.json", at=5)
    result = larder.fails(UNPROVEN, "get", "org/model", "config.json")
    assert result.says("config.json", files_of(model)["config.json"].oid), result
    assert larder.blobs() == []


def test_one_bad_file_does_not_spoil_the_others(hub, larder, model):
    hub.fault(action="flip", kind="cdn", path=NAME, at=7)
    larder.fails(UNPROVEN, "get", "org/model")
    hub.clear_faults()
    hub.reset()
    larder.ok("get", "org/model")
    files = hub.counters()["files"]
    assert files["org/model:" + NAME]["requests"] >= 1


@pytest.mark.asan
@pytest.mark.parametrize("fault", [{"action": "long", "extra": 100}, {"action": "long", "extra": 3 * MIB},
                                   {"action": "short", "missing": 100}, {"action": "length", "delta": 9},
                                   {"action": "length", "delta": -9}], ids=str)
def test_a_body_of_another_length(hub, larder, model, fault):
    hub.fault(kind="cdn", path=NAME, **fault)
    result = larder.run("get", "org/model")
    assert result.code in (OTHER, HUB_AWAY, UNPROVEN), result
    assert result.says(NAME), result
    assert not larder.has_blob(files_of(model)[NAME].sha256)
    hub.clear_faults()
    assert_holds(larder.ok("get", "org/model").folder, model)


@pytest.mark.asan
@pytest.mark.parametrize("mode", ["redirect", "page"])
@pytest.mark.parametrize("kind", ["any", "content"])
def test_a_captive_portal(hub, larder, model, mode, kind):
    hub.fault(action="portal", kind=kind, mode=mode)
    result = larder.run("get", "org/model", timeout=60)
    assert result.code in (OTHER, HUB_AWAY, UNPROVEN), result
    assert result.err.strip(), result
    if kind == "any":
        assert any(result.says(w) for w in ("portal", "log in", "login", "sign in", "not a hub", "web page")), result
    assert all(os.path.getsize(path) == 0 for path in larder.blobs())


@pytest.mark.parametrize("code", [401, 403, 404])
@pytest.mark.parametrize("name", ["org/model", "org/model:README.md"])
def test_a_captive_portal_that_refuses(hub, larder, model, code, name):
    hub.fault(action="status", code=code, headers={"Content-Type": "text/html"}, body="<html>Welcome to the WLAN</html>")
    assert larder.fails(OTHER, "get", name).says("web page", "captive portal", "log in")


@pytest.mark.parametrize("mode", ["redirect", "page"])
def test_a_captive_portal_when_the_answer_is_remembered(hub, larder, model, mode):
    first = larder.ok("get", "org/model")
    hub.fault(action="portal", mode=mode)
    again = larder.run("get", "org/model")
    assert again.code == DONE and again.folder == first.folder, again
    assert again.says("something else than the hub", "login page") and not again.says("does not answer"), again


def test_a_hub_that_refuses(hub, larder, model):
    hub.down()
    result = larder.fails(HUB_AWAY, "get", "org/model", timeout=60)
    assert result.says("127.0.0.1"), result


def test_a_hub_that_stops_for_good_midway(hub, larder, model):
    hub.fault(action="cut", kind="cdn", path=NAME, at=2 * MIB + 9)
    hub.fault(action="close", kind=["resolve", "head"], nth=1 + len(model.find("main").files))
    hub.fault(action="close", kind="cdn", path=NAME, nth=2)
    result = larder.run("get", "org/model", NAME)
    assert result.code == HUB_AWAY, result
    hub.clear_faults()
    hub.reset()
    assert_holds(larder.ok("get", "org/model", NAME).folder, model, [NAME])
    assert hub.counters()["content_bytes"] <= WEIGHTS - MIB


def test_a_silent_hub_and_a_remembered_answer(hub, larder, model):
    first = larder.ok("get", "org/model")
    hub.fault(action="hang")
    again = larder.ok("get", "org/model")
    assert again.folder == first.folder and again.seconds < 6, again
    assert again.err.strip()


@pytest.mark.parametrize("name,noun", [("org/none", "org/none"), ("org/model@v9", "v9"),
                                       ("org/model:none.bin", "none.bin"), ("datasets/org/model", "org/model")])
def test_what_is_not_there(larder, model, name, noun):
    assert larder.fails(NOT_FOUND, "get", name).says(noun)
    assert larder.fails(NOT_FOUND, "resolve", name if ":" in name else name + ":config.json").says(noun)


def test_a_file_that_vanishes_between_listing_and_body(hub, larder, model):
    hub.fault(action="status", kind="resolve", path="README.md", code=404, headers={"X-Error-Code": "EntryNotFound"})
    assert larder.fails(NOT_FOUND, "get", "org/model").says("README.md")


def test_a_renamed_repository(hub, larder, model):
    hub.rename("org/model", "org/Better")
    got = larder.ok("get", "org/model")
    assert_holds(got.folder, model)
    assert "org/Better" in got.folder
    larder.ok("resolve", "org/model:" + NAME)


def test_the_wrong_case(larder, model):
    assert_holds(larder.ok("get", "Org/Model").folder, model)


def test_rate_limit_of_the_hub_itself(hub, larder, model):
    hub.quota("api", 1, 2)
    hub.quota("resolvers", 3, 1)
    assert_holds(larder.ok("get", "org/model").folder, model)


def test_a_rate_limit_is_not_shown_as_a_failure(hub, larder, model):
    hub.fault(**once("busy", "tree", seconds=1, form="both"))
    assert "429" not in larder.ok("get", "org/model").err


def test_a_commit_that_is_no_commit(hub, larder, model):
    hub.fault(action="set-headers", kind="any", headers={"X-Repo-Commit": "../../etc"})
    result = larder.run("resolve", "org/model:" + NAME)
    assert result.code != 0 or "../../etc" not in result.out, result


def test_a_listing_without_end(hub, larder, model):
    hub.fault(action="set-headers", kind="tree", headers={"Link": '</api/models/org/model/tree/main?a>; rel="next"'})
    assert larder.fails(OTHER, "get", "org/model").says("no end to its list of files")
    assert hub.counters()["requests"]["tree"] < 8


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '[{"type":"file"}]', '{"sha": 5}', "[" * 100000])
def test_a_listing_that_makes_no_sense(hub, larder, model, body):
    hub.fault(action="status", kind=["tree"], code=200, body=body, headers={"Content-Type": "application/json"})
    result = larder.run("get", "org/model")
    if body != "[]":
        assert result.code not in (DONE, DENIED), result
    assert result.code in (OTHER, NOT_FOUND, HUB_AWAY) or body == "[]", result


def test_over_tls(tmp_path):
    authority, pair = make_certificates(str(tmp_path))
    with Hub(tls=pair) as hub:
        repo = hub.add("org/model", {"a.txt": "over TLS", "b.bin": (3 * MIB, "tls")})
        larder = Larder(tmp_path / "user", hub.url)
        result = larder.run("get", "org/model")
        assert result.code in (OTHER, HUB_AWAY) and result.says("certificate"), result
        got = larder.ok("get", "org/model", env={"LARDER_CA_FILE": authority})
        assert_holds(got.folder, repo)


@pytest.mark.parametrize("variable", ["LARDER_PROXY", "http_proxy", "ALL_PROXY"])
def test_through_a_proxy(hub, larder, model, variable):
    with Proxy() as proxy:
        got = larder.ok("get", "org/model", env={variable: proxy.url})
        assert_holds(got.folder, model)
        places = {r.split()[1] for r in proxy.requests}
        assert places == {hub.url.split("/")[-1], hub.cdn_url.split("/")[-1]}
        assert proxy.bytes > WEIGHTS


def test_a_proxy_that_is_not_there(larder, model):
    result = larder.fails(HUB_AWAY, "get", "org/model", env={"LARDER_PROXY": "http://127.0.0.1:1"})
    assert result.says("proxy"), result


def test_the_hub_goes_down_and_comes_back(hub, larder, model):
    repo = hub.add("org/big", {"big.bin": (40 * MIB, "big")})
    hub.fault(action="slow", kind="cdn", rate=20 * MIB)
    process = larder.start("get", "org/big")
    while hub.counters()["content_bytes"] < 10 * MIB:
        assert process.poll() is None
    hub.down()
    threading.Timer(1.0, hub.up).start()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert same(files_of(repo)["big.bin"], os.path.join(out.strip(), "big.bin"))
