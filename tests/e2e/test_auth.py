"""Tokens: where they come from, whom they open what, and that they go to the hub and nowhere else."""
import os

import pytest
from content import FILES, assert_holds
from larder import DENIED, NOT_FOUND

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"
STRANGER = "hf_zyxwvutsrqponmlkjihgfedcba9876543210"

pytestmark = pytest.mark.asan


@pytest.fixture
def secret(hub):
    repo = hub.add("org/secret", FILES)
    hub.add_token(TOKEN, "reader")
    hub.add_token(STRANGER, "stranger")
    return repo


def nowhere_in(folder, text):
    for parent, _, leaves in os.walk(folder):
        for leaf in leaves:
            with open(os.path.join(parent, leaf), "rb") as file:
                assert text.encode() not in file.read(), os.path.join(parent, leaf)


def test_a_gated_repository(hub, larder, secret):
    hub.protect("org/secret", gated="auto", readers=["reader"])
    result = larder.fails(DENIED, "get", "org/secret")
    assert result.says("org/secret", "HF_TOKEN"), result
    result = larder.fails(DENIED, "get", "org/secret", env={"HF_TOKEN": STRANGER})
    assert result.says("org/secret", hub.url), result  # where access is asked for
    got = larder.ok("get", "org/secret", env={"HF_TOKEN": TOKEN})
    assert_holds(got.folder, secret)


def test_a_gated_file_is_not_shared_by_adding_it(hub, larder, secret):
    hub.protect("org/secret", gated="auto", readers=["reader"])
    got = larder.ok("get", "org/secret", "config.json", env={"HF_TOKEN": TOKEN})
    assert larder.fails(DENIED, "add", "--share", os.path.join(got.folder, "config.json")).says("gated", "not shared")
    larder.ok("add", os.path.join(got.folder, "config.json"))


def test_a_gated_repository_that_hides_its_files(hub, larder, secret):
    hub.protect("org/secret", gated="manual", readers=["reader"], info_public=False)
    larder.fails(DENIED, "get", "org/secret")
    larder.fails(DENIED, "resolve", "org/secret:config.json")
    assert_holds(larder.ok("get", "org/secret", env={"HF_TOKEN": TOKEN}).folder, secret)


def test_a_private_repository(hub, larder, secret):
    hub.protect("org/secret", private=True, readers=["reader"])
    result = larder.fails(NOT_FOUND, "get", "org/secret")
    assert result.says("org/secret", "private"), result
    assert larder.run("get", "org/secret", env={"HF_TOKEN": STRANGER}).code in (NOT_FOUND, DENIED)
    assert_holds(larder.ok("get", "org/secret", env={"HF_TOKEN": TOKEN}).folder, secret)


def test_a_token_that_nobody_has(larder, secret):
    result = larder.fails(DENIED, "get", "org/secret", env={"HF_TOKEN": "hf_" + "x" * 34})
    assert result.says("token"), result


@pytest.mark.parametrize("place,env", [("home/.cache/huggingface/token", {}),
                                       ("hf/token", {"HF_HOME": "hf"}),
                                       ("my-token", {"HF_TOKEN_PATH": "my-token"})])
def test_the_token_file_of_the_hugging_face_tools(hub, larder, secret, place, env):
    hub.protect("org/secret", private=True, readers=["reader"])
    path = os.path.join(larder.base, place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(TOKEN + "\n")
    env = {k: os.path.join(larder.base, v) for k, v in env.items()}
    assert_holds(larder.ok("get", "org/secret", env=env).folder, secret)


def test_the_token_goes_to_the_hub_alone(hub, larder, secret):
    hub.protect("org/secret", private=True, readers=["reader"])
    larder.ok("get", "org/secret", env={"HF_TOKEN": TOKEN})
    for line in hub.log():
        assert line["auth"] == (line["kind"] not in ("cdn", "cdn-head")), line
    assert hub.counters()["leaks"] == []


def test_the_token_does_not_follow_a_redirect_to_another_host(hub, larder, secret):
    hub.fault(action="portal", mode="redirect")
    assert larder.run("get", "org/secret", env={"HF_TOKEN": TOKEN}).code != 0
    assert hub.counters()["leaks"] == []


def test_the_token_is_kept_nowhere_and_never_shown(hub, larder, secret):
    hub.protect("org/secret", gated="auto", readers=["reader"])
    for token in (TOKEN, STRANGER):
        for command in (["get", "org/secret"], ["get", "org/secret", "--json"], ["status"], ["ls"],
                        ["resolve", "org/secret:config.json"]):
            result = larder.run(*command, env={"HF_TOKEN": token, "LARDER_LOG_LEVEL": "debug"})
            assert token not in result.out and token not in result.err
        nowhere_in(larder.base, token)


def test_visibility_is_told(hub, larder, secret):
    env = {"HF_TOKEN": TOKEN}
    assert "public" in larder.ok("resolve", "org/secret:config.json", env=env).out
    hub.protect("org/secret", gated="auto", readers=["reader"])
    told = larder.ok("resolve", "org/secret:config.json", env=env).out
    assert "gated" in told and "public" not in told
    hub.protect("org/secret", private=True, readers=["reader"])
    told = larder.ok("resolve", "org/secret:config.json", env=env).out
    assert "private" in told and "public" not in told


def test_remembered_private_answers_are_not_for_everybody(hub, larder, secret):
    hub.protect("org/secret", private=True, readers=["reader"])
    commit = secret.refs["main"]
    larder.ok("get", "org/secret@" + commit, env={"HF_TOKEN": TOKEN})
    result = larder.run("get", "org/secret@" + commit)
    assert result.code in (NOT_FOUND, DENIED), result
