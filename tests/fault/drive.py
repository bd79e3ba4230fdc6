#!/usr/bin/env python3
"""Lives the scenario once for every system call that it makes, with that call failing or being the last one; then
looks at what is left, without faults.

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

KINDS = ("eio", "full", "lost", "exit", "power", "tear")
CRASHES = ("exit", "power", "tear")
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


def all_of(pool, scenario, shim, kind):
    """Returns (steps, problems)."""
    problems = []
    for first in range(1, STEPS_MAX, 16):
        steps = range(first, first + 16)
        for at, (came, call, bad) in zip(steps, pool.map(lambda n: one(scenario, shim, kind, n, False), steps)):
            problems += [f"{kind} {at} ({call}): {line}" for line in bad]
            if not came:
                return at - 1, problems
    return STEPS_MAX, problems + [f"{kind}: no end after {STEPS_MAX} calls"]


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
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for kind in [args.kind] if args.kind else KINDS:
            steps, found = all_of(pool, args.scenario, args.shim, kind)
            print(f"{kind}: {steps} calls, {len(found)} problems")
            problems += found
    print(*problems, sep="\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
