#!/usr/bin/env python3
"""Lives the scenario with every system call that it makes failing, and with every one being the last; then looks at
what is left, without faults. The ways to fail and the ways to end take turns from call to call; with LARDER_LONG=1
every call goes through all of them.

usage: drive.py SCENARIO SHIM [--kind KIND] [--at N] [--keep]
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FAILURES = ("eio", "full")
CRASHES = ("exit", "power", "tear")
KINDS = FAILURES + ("lost",) + CRASHES
EXIT_BY_FAULT = 42
STEPS_MAX = 2000
CHUNKS = {1: 4, 2: 2, 4: 4}  # of the scenario's blobs


def run(scenario, *words, **environment):
    return subprocess.run([scenario, *map(str, words)], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **environment))


def bad_lines(result, what):
    for line in result.stdout.splitlines():
        if line.startswith("BAD"):
            yield f"{what}: {line}"
    if result.returncode != 0:
        yield f"{what}: exit status {result.returncode}: {result.stderr.strip()}"


def puts(text):
    return collections.Counter(int(line.split()[1]) for line in text.splitlines() if line.startswith("put "))


def told_well(kind, life):
    """A run that fails ends with one sentence, of the right kind."""
    lines = life.stderr.splitlines()
    if life.returncode == 0:
        return not lines
    if life.returncode != 1 or len(lines) != 1 or not lines[0].startswith("fail "):
        return False
    expected = "input/output error" if kind in ("eio", "lost") else "no space"
    return lines[0].startswith(f"fail {expected}: ") and len(lines[0]) > len(expected) + 20


def check_life(kind, life, root):
    if kind in CRASHES:
        if life.returncode not in (0, EXIT_BY_FAULT):
            yield f"life: exit status {life.returncode}: {life.stderr.strip()}"
    elif not told_well(kind, life):
        yield f"life: exit status {life.returncode}, said: {life.stderr.strip()!r}"
    if kind not in CRASHES and any(path.name != "copy" for path in (root / "out").iterdir()):
        yield "life: a temporary file is left beside the copy"


def check_retry(kind, life, after):
    """What was put before a failure or a crash of the process alone is not put again."""
    if kind in ("lost", "power", "tear"):
        return
    first, second = puts(life.stdout), puts(after.stdout)
    for seed, chunks in CHUNKS.items():
        removed = seed == 2 and life.stdout.count("removing") > 1
        if not removed and first[seed] + second[seed] > chunks:
            yield f"after: blob {seed} had {first[seed]} of {chunks} chunks, and {second[seed]} were fetched again"


def one(scenario, shim, kind, at, keep):
    """Returns (whether the fault came, which call it was, what is bad)."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="larder-fault-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        world, mark, stash, lines = root / "world", root / "mark", root / "stash", root / "lines"
        (world / "out").mkdir(parents=True)
        stash.mkdir()
        life = run(scenario, "live", world, LD_PRELOAD=shim, FAULT_HOME=str(world), FAULT_AT=str(at), FAULT_KIND=kind,
                   FAULT_STASH=str(stash), FAULT_MARK=str(mark))
        if not mark.exists():
            return False, "", list(bad_lines(life, "life"))
        lines.write_text(life.stdout)
        call = mark.read_text().strip().replace(str(world), "")
        bad = list(check_life(kind, life, world))
        after = run(scenario, "after", world, lines)
        bad += bad_lines(after, "after")
        bad += check_retry(kind, life, after)
        return True, call, bad
    finally:
        if keep:
            print("kept", root)
        else:
            shutil.rmtree(root)


def all_of(pool, scenario, shim, kinds):
    """Each step with one of the kinds, in turn. Returns (steps, problems)."""
    problems = []
    for first in range(1, STEPS_MAX, 16):
        steps = [(at, kinds[at % len(kinds)]) for at in range(first, first + 16)]
        for (at, kind), (came, call, bad) in zip(steps, pool.map(lambda step: one(scenario, shim, step[1], step[0], False), steps)):
            problems += [f"{kind} {at} ({call}): {line}" for line in bad]
            if not came:
                return at - 1, problems
    return STEPS_MAX, problems + [f"{', '.join(kinds)}: no end after {STEPS_MAX} calls"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario")
    parser.add_argument("shim")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--at", type=int)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    if args.at:
        came, call, bad = one(args.scenario, args.shim, args.kind, args.at, args.keep)
        print(came, call, *bad, sep="\n")
        return bool(bad)
    problems = []
    if args.kind:
        rounds = [(args.kind,)]
    elif os.environ.get("LARDER_LONG") == "1":
        rounds = [(kind,) for kind in KINDS]
    else:
        rounds = [FAILURES, ("lost",), CRASHES]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for kinds in rounds:
            steps, found = all_of(pool, args.scenario, args.shim, kinds)
            print(f"{', '.join(kinds)}: {steps} calls, {len(found)} problems")
            problems += found
    print(*problems, sep="\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
