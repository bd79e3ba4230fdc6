"""Several gets at once share one store, and one transfer."""
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from content import MIB, WEIGHTS, assert_holds, files_of, same
from larder import DONE, NOT_FOUND, OTHER


def finish_all(processes):
    folders = set()
    for process in processes:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        folders.add(out.strip())
    return folders


@pytest.mark.asan
def test_eight_gets_of_one_file(hub, larder):
    size = 64 * MIB + 9
    repo = hub.add("org/big", {"big.safetensors": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=64 * MIB)
    folders = finish_all([larder.start("get", "org/big") for _ in range(8)])
    assert len(folders) == 1
    assert same(files_of(repo)["big.safetensors"], os.path.join(folders.pop(), "big.safetensors"))
    assert hub.counters()["content_bytes"] == size


def test_eight_gets_of_a_repository(hub, larder, model):
    folders = finish_all([larder.start("get", "org/model") for _ in range(8)])
    assert len(folders) == 1
    assert_holds(folders.pop(), model)
    assert hub.counters()["files"]["org/model:model.safetensors"]["bytes"] == WEIGHTS


def test_one_of_two_is_killed(hub, larder):
    size = 40 * MIB
    repo = hub.add("org/big", {"big.safetensors": (size, "big")})
    hub.fault(action="slow", kind="cdn", rate=30 * MIB)
    first = larder.start("get", "org/big")
    while hub.counters()["content_bytes"] < 10 * MIB:
        assert first.poll() is None
    second = larder.start("get", "org/big")
    while hub.counters()["content_bytes"] < 20 * MIB:
        assert first.poll() is None and second.poll() is None
    first.kill()
    first.communicate()
    folder = finish_all([second]).pop()
    assert same(files_of(repo)["big.safetensors"], os.path.join(folder, "big.safetensors"))
    assert hub.counters()["content_bytes"] <= 1.02 * size + MIB


def test_different_commands_at_once(hub, larder, model):
    for n in range(4):
        hub.add("org/m%d" % n, {"w.bin": (5 * MIB, n), "c.json": "{%d}" % n})
    processes = [larder.start("get", "org/m%d" % n) for n in range(4)]
    processes += [larder.start(command) for command in ("ls", "verify", "status", "gc")]
    finish_all(processes)
    larder.ok("verify")
    assert len(larder.blobs()) == 8


def test_what_others_remove_meanwhile_is_fetched_again(larder, model):
    """Chance decides whether a blob goes between its being found and its being used; so often it does."""
    gets = [("get", "org/model", "config.json", "model.safetensors")] * 40
    with ThreadPoolExecutor(4) as pool:
        removing = [pool.submit(lambda: [larder.run("rm", "org/model").code for _ in range(100)]) for _ in range(2)]
        getting = [pool.submit(lambda: [larder.run(*words) for words in gets]) for _ in range(2)]
        results = [result for future in getting for result in future.result()]
        codes = {code for future in removing for code in future.result()}
    assert [result for result in results if result.code != DONE] == []
    assert codes <= {DONE, OTHER, NOT_FOUND}  # removed, in use, not held
