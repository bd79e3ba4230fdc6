"""Another machine that may use the gateway, and wants what is not for everybody: whatever it asks and whatever token it has, it gets nothing of that, from here or by way of peers."""
import base64
import json
import subprocess
import sys

import pytest

from machines import HubHost, Machine, sha256_of

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"
PORT = 5274
SIZE = 5000
REPOS = ("org/gated", "org/private")
FILES = {**{repo: {"secret.bin": SIZE} for repo in REPOS}, "org/model": {"config.json": 700}}

# Asks on a plain socket, since the point is to send what no library would; prints [status, body as hex] for each.
ASK = """
import http.client, json, sys
found = []
for host, method, target, headers, body in json.load(sys.stdin):
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode() if body else None)
        answer = connection.getresponse()
        head = str(answer.headers).encode()
        try:
            text = answer.read()
        except http.client.IncompleteRead as cut:
            text = cut.partial
        found.append((answer.status, head.hex(), text.hex()))
    except http.client.RemoteDisconnected:
        found.append((0, "", ""))
    connection.close()
print(json.dumps(found))
"""

PRETENCES = ([], [("Authorization", "Bearer " + TOKEN)], [("authorization", "bearer  " + TOKEN)],
             [("Authorization", "Basic " + base64.b64encode(("alice:" + TOKEN).encode()).decode())], [("Cookie", "token=" + TOKEN)],
             [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("X-Real-IP", "127.0.0.1")], [("Range", "bytes=0-99"), ("Authorization", "Bearer " + TOKEN)],
             [("If-None-Match", "*"), ("Proxy-Authorization", "Bearer " + TOKEN)])


def questions(repo, commit, digest):
    """(method, target, body)"""
    for revision in ("main", commit):
        for way in ("resolve", "raw"):
            for method in ("HEAD", "GET"):
                yield method, "/%s/%s/%s/secret.bin" % (repo, way, revision), None
        yield "GET", "/%s/resolve/%s/secret.bin?token=%s" % (repo, revision, TOKEN), None
        yield "GET", "/api/models/%s/tree/%s?recursive=true" % (repo, revision), None
        yield "GET", "/api/models/%s/revision/%s?blobs=true" % (repo, revision), None
        yield "GET", "/api/resolve-cache/models/%s/%s/secret.bin" % (repo, revision), None
        yield "POST", "/api/models/%s/paths-info/%s" % (repo, revision), "paths=secret.bin"
    yield "GET", "/api/models/%s" % repo, None
    yield "GET", "/api/models/%s/refs" % repo, None
    yield "GET", "/api/whoami-v2", None
    for method in ("GET", "HEAD", "POST"):
        yield method, "/-/blob/sha256/" + digest, None
    batch = {"operation": "download", "transfers": ["basic"], "objects": [{"oid": digest, "size": SIZE}]}
    yield "POST", "/%s.git/info/lfs/objects/batch" % repo, json.dumps(batch)
    yield "GET", "/-/status", None
    yield "GET", "/-/metrics", None
    yield "GET", "http://huggingface.co/%s/resolve/main/secret.bin" % repo, None
    yield "CONNECT", "127.0.0.1:%d" % PORT, None


def ask(host, gateway, asked):
    lines = [("%s:%d" % (gateway.address, PORT), method, target, headers, body) for (method, target, body), headers in asked]
    done = subprocess.run(host.inside(sys.executable, "-c", ASK), input=json.dumps(lines), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [(status, bytes.fromhex(head), bytes.fromhex(body)) for status, head, body in json.loads(done.stdout)]


@pytest.fixture
def hub(lan):
    return HubHost(lan.host("hub"), FILES, "--token", TOKEN + "=alice", "--gated", "org/gated=alice", "--private", "org/private=alice")


def test_what_is_not_for_everybody(lan, hub, build):
    """A node that holds it and a peer that holds it share it in their group; a third one of the group, which holds nothing, is asked too."""
    own = {"HF_TOKEN": TOKEN, "LARDER_SHARE_GATED": "yes"}
    flags = ("--gateway", "0.0.0.0:%d" % PORT)
    elm, ash, oak = Machine(lan.host("elm"), build, hub, env=own), Machine(lan.host("ash"), build, hub, env=own), lan.host("oak")
    elm.start(*flags, "--gateway-allow", oak.address)
    ash.start(*flags, "--gateway-allow", oak.address)
    ash.ok("group", "join", elm.ok("group", "create").out.split()[-1])
    elm.sees(ash)
    commits = {repo: elm.get(repo)["commit"] for repo in REPOS}
    ash.knows_holder(elm, 1)
    secrets = {repo: hub.path(repo, "secret.bin") for repo in REPOS}
    plan = [(question, headers) for repo in REPOS for question in questions(repo, commits[repo], sha256_of(secrets[repo])) for headers in PRETENCES]
    contents = [open(path, "rb").read()[:64] for path in secrets.values()]
    hidden = sha256_of(secrets["org/private"]).encode()

    def attack(gateway):
        for (question, headers), (status, head, body) in zip(plan, ask(oak, gateway, plan)):
            what = "%r %r: %d %r %r" % (question, headers, status, head, body[:200])
            assert not any(content[:16] in body for content in contents), what
            assert TOKEN.encode() not in head + body, what
            if "/resolve" in question[1] or "/raw/" in question[1] or "/-/blob" in question[1]:
                assert status not in (200, 206, 304), what
            if hidden.decode() not in question[1] and hidden.decode() not in (question[2] or ""):
                assert hidden not in head + body, what
            if hidden.decode() in (question[2] or ""):
                assert b'"href"' not in body, what

    assert ask(oak, elm, [(("GET", "/org/model/resolve/main/config.json", None), [])])[0][0] == 200
    # What their owners' programs have been told of it is not for others either, nor is it while the hub is away.
    for machine in (elm, ash):
        got = machine.host.run("curl", "-sS", "--fail", "-H", "Authorization: Bearer " + TOKEN, "http://127.0.0.1:%d/org/private/resolve/main/secret.bin" % PORT, "-o", "/dev/null",
                               "-w", "%{http_code}")
        assert got == "200"
    attack(elm)
    attack(ash)
    hub.stop()
    attack(elm)
    attack(ash)
