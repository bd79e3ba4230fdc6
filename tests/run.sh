#!/usr/bin/env bash
# Runs all tests: installs what is missing, builds, and ends with one line, "N passed, N failed".
# Unit tests run as built for work, with sanitizers, and for arm64; then the program is tried against a test hub, and, where this is run as root,
# nodes in network namespaces.
# LARDER_LONG=1 runs the long forms of some end-to-end tests.
set -uo pipefail
cd "$(dirname "$0")/.."

# Most of their time tests wait, hence more at once than there are processors.
at_once=$((3 * $(nproc)))
passed=0
failed=0
began=$SECONDS
section_began=$SECONDS
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

section() {
	section_began=$SECONDS
	printf '\n== %s\n' "$1"
}

section_end() {
	printf -- '-- %d s (%d s in all)\n' $((SECONDS - section_began)) $((SECONDS - began))
}

count() { # PASSED FAILED
	passed=$((passed + $1))
	failed=$((failed + $2))
}

finish() {
	printf '\n%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

build() { # PRESET
	if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"$logs/build" 2>&1; then
		grep -A12 -E 'error|FAILED|undefined|CMake Error' "$logs/build" | head -80
		echo "The build of preset $1 failed."
		count 0 1
		return 1
	fi
	echo "built build/$1"
}

# In a network of its own, where that may be made: nodes on 127.0.0.1 meet those of other programs when a port is used again.
apart() { # COMMAND...
	if unshare --net ip link set lo up 2>/dev/null; then
		unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
	else
		"$@"
	fi
}

unit_tests() { # PRESET
	local status=0 total bad
	apart ctest --preset "$1" -j "$at_once" >"$logs/ctest" 2>&1 || status=$?
	total=$(sed -n 's/.* tests failed out of \([0-9]*\)$/\1/p' "$logs/ctest")
	bad=$(sed -n 's/.*, \([0-9]*\) tests failed out of .*/\1/p' "$logs/ctest")
	if [ -z "$total" ]; then
		cat "$logs/ctest"
		count 0 1
		return
	fi
	[ "$status" -eq 0 ] || cat "$logs/ctest"
	echo "$((total - bad)) of $total unit test programs passed"
	count $((total - bad)) "$bad"
}

python_for_tests() {
	local candidate
	for candidate in python3 /usr/bin/python3; do
		"$candidate" -c 'import pytest, xdist' 2>/dev/null && { command -v "$candidate"; return; }
	done
}

python_tests() { # PYTEST ARGUMENT...
	local status=0 good bad
	"$python" -m pytest -q -p no:cacheprovider --tb=short --durations=5 --durations-min=5 "$@" 2>&1 | tee "$logs/pytest"
	status=${PIPESTATUS[0]}
	good=$(tail -1 "$logs/pytest" | sed -n 's/.*\b\([0-9]\+\) passed.*/\1/p')
	bad=$(tail -1 "$logs/pytest" | grep -oE '[0-9]+ (failed|error)' | awk '{ n += $1 } END { print n + 0 }')
	[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	count "${good:-0}" "$bad"
}

section "What the tests need"
scripts/install-deps build test </dev/null || { count 0 1; finish; }
python=$(python_for_tests)
section_end

section "Unit tests"
build dev || finish
unit_tests dev
section_end

section "Unit tests with the address and undefined behaviour sanitizers"
build asan && unit_tests asan
section_end

if [ "$(uname -m)" != aarch64 ] && [ -e cmake/arm64.cmake ]; then
	section "Proof tests on arm64, emulated"
	build arm64 && unit_tests arm64
	section_end
fi

section "The test hub"
python_tests tests/support
section_end

if [ -x build/dev/cli/larder ]; then
	section "The program against the test hub"
	LARDER_BIN=build/dev/cli/larder python_tests tests/e2e -m alone
	LARDER_BIN=build/dev/cli/larder python_tests -n $at_once tests/e2e -m "not alone"
	section_end

	section "The same with sanitizers, in part"
	LARDER_BIN=build/asan/cli/larder python_tests -n $at_once tests/e2e -m "asan and not alone"
	section_end
fi

section "Nodes in networks of their own"
why_not=$(PYTHONPATH=tests/net "$python" -B -c 'import lan; print(lan.cannot() or "")')
if [ -n "$why_not" ]; then
	echo "NOT RUN: $why_not"
else
	python_tests -n $at_once tests/net
fi
section_end

finish
