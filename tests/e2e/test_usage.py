"""The command line itself: help, mistakes, terminals, closed pipes."""
import os
import pty
import re
import select
import struct
import subprocess
import sys
import time
import fcntl
import termios

import pytest
from content import MIB, assert_holds
from larder import OTHER, TOP, USAGE, binary

COMMANDS = ("get", "resolve", "ls", "verify", "add", "rm", "pin", "unpin", "gc", "status", "who", "peers",
            "group", "doctor")

pytestmark = pytest.mark.asan


def test_version(larder):
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "VERSION")) as file:
        assert file.read().strip() in larder.ok("--version").out


def test_help_names_all_commands(larder):
    told = larder.ok("--help")
    for command in COMMANDS:
        assert re.search(r"\b%s\b" % command, told.out), command
    assert max(len(line) for line in told.out.splitlines()) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(larder, command):
    told = larder.ok(command, "--help")
    assert "larder " + command in told.out
    assert max(len(line) for line in told.out.splitlines()) <= 80
    assert "--json" in told.out


def test_no_command(larder):
    result = larder.fails(USAGE)
    assert result.says("get")


@pytest.mark.parametrize("args,noun", [
    (["gte", "org/model"], "get"), (["get"], "get"), (["get", "org/model", "--tp", "x"], "--tp"),
    (["get", "--to"], "--to"), (["--nonsense"], "--nonsense"), (["resolve"], "resolve"),
    (["get", "a/b/c/d"], "a/b/c/d"), (["get", "org/model@"], "org/model@"), (["get", ""], ""),
    (["get", "sha256:123"], "sha256:123"), (["rm"], "rm"), (["add"], "add"), (["get", "../etc/passwd"], "../etc"),
    (["ls", "--hub", "not a url"], "not a url")])
def test_mistakes(larder, args, noun):
    assert larder.fails(USAGE, *args).says(noun)


def test_a_wrong_setting_is_named_with_its_place(larder):
    assert larder.fails(USAGE, "ls", env={"LARDER_MAX_SIZE": "lots"}).says("LARDER_MAX_SIZE", "lots")
    folder = os.path.join(larder.env["XDG_CONFIG_HOME"], "larder")
    os.makedirs(folder)
    with open(os.path.join(folder, "larder.conf"), "w") as file:
        file.write("max_size = many\n")
    assert larder.fails(USAGE, "ls").says("larder.conf", "many")


def test_messages_go_to_standard_error(larder, model):
    got = larder.ok("get", "org/model")
    assert len(got.out.splitlines()) == 1


def test_a_log_gets_plain_lines(hub, larder):
    hub.add("org/big", {"big.bin": (10 * MIB, "big")})
    got = larder.ok("get", "org/big")
    assert "\x1b" not in got.err and "\r" not in got.err


def on_terminal(larder, args, columns):
    """What the program writes to a terminal of so many columns, and its code."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([binary(), *args], env=larder.environment({"TERM": "xterm"}), stdin=slave,
                               stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    data = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        readable, _, _ = select.select([master], [], [], 0.5)
        try:
            piece = os.read(master, 65536) if readable else b""
        except OSError:
            break
        data += piece
        if not piece and process.poll() is not None:
            break
    process.wait(10)
    os.close(master)
    return process.returncode, data.decode("utf-8", "replace")


@pytest.mark.parametrize("columns", [60, 40, 200])
def test_progress_fits_the_terminal(hub, larder, columns):
    hub.add("org/big", {"a/rather/deep/folder/with/a-very-long-file-name-indeed-0000%d.safetensors" % n: (8 * MIB, n)
                        for n in range(2)})
    hub.fault(action="slow", kind="cdn", rate=8 * MIB)
    code, text = on_terminal(larder, ["get", "org/big"], columns)
    assert code == 0, text
    assert "%" in text or "MB/s" in text or "MiB/s" in text, text
    for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)):
        if "safetensors" in line or "%" in line or "/s" in line:
            assert len(line) <= columns, line


@pytest.mark.parametrize("command", [["ls"], ["status"], ["--help"]])
def test_a_full_standard_output(larder, model, command):
    larder.ok("get", "org/model")
    with open("/dev/full", "w") as full:
        result = larder.run(*command, stdout=full)
    assert result.code == OTHER and result.err.strip(), result


def test_a_reader_that_goes_away(larder, model):
    larder.ok("get", "org/model")
    read, write = os.pipe()
    os.close(read)
    process = larder.start("ls", "--json", stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=20)
    assert process.returncode not in (0, -11, -6), err


def test_a_closed_standard_output_does_not_spoil_the_store(larder, model):
    code = "import os, sys; os.close(1); os.execv(sys.argv[1], sys.argv[1:])"
    subprocess.run([sys.executable, "-c", code, binary(), "get", "org/model"], env=larder.environment(None),
                   capture_output=True, timeout=60)
    assert_holds(larder.ok("get", "org/model").folder, model)
    larder.ok("verify")


def complete(larder, *words):
    """What bash offers for the last word."""
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _larder; printf "%s\\n" "${COMPREPLY[@]}"'
    env = larder.environment({"PATH": "%s:%s" % (os.path.dirname(binary()), os.environ["PATH"])})
    source = os.path.join(TOP, "packaging/completions/larder.bash")
    return subprocess.run(["bash", "-c", script, source, *words], env=env, cwd=larder.base, capture_output=True, text=True, check=True).stdout.splitlines()


def test_completion_runs_no_names(hub, larder):
    hub.add("org/odd", {"$(touch ran)`touch ran`;a b.txt": "odd", "plain.txt": "plain"})
    larder.ok("get", "org/odd")
    assert complete(larder, "larder", "get", "org/") == ["org/odd", "org/odd:\\$\\(touch\\ ran\\)\\`touch\\ ran\\`\\;a\\ b.txt", "org/odd:plain.txt"]
    assert not os.path.exists(os.path.join(larder.base, "ran"))
    assert complete(larder, "larder", "verify", "org/odd:p") == ["org/odd:plain.txt"]


def test_completion_of_commands_and_flags(larder):
    assert complete(larder, "larder", "st") == ["status"]
    assert complete(larder, "larder", "gc", "--d") == ["--dry-run"]
    assert complete(larder, "larder", "run", "sh", "--ver") == [""]
