#!/usr/bin/env bash
# Verifying a page-cached file: openssl, sha256sum, and larder with each kernel that this processor can run, on one core and on all.
#
# usage: tests/bench/verify.sh [DIRECTORY [ROUNDS]]
#
# Writes a file of 2 GiB to DIRECTORY (/tmp) and takes it away again. Each round measures everything once, so that a busy minute
# hits all alike; the table, in Markdown on standard output, has the medians. GB/s are 10^9 bytes a second, process start included: for
# one core of processor time, user and system, which what else runs hardly changes; for several of wall time, which asks for a machine
# that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:-/tmp} rounds=${2:-5}
bytes=$((2 << 30))

cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build/bench --target bench_verify >/dev/null
bench=build/bench/tests/bench/bench_verify

work=$(mktemp -d "$dir/larder-verify.XXXXXX")
trap 'rm -rf "$work"' EXIT
file=$work/file chain=$work/chain times=$work/times
# In blocks of 1 MiB, as the store writes blobs: the page cache then holds large pieces, which everybody reads faster.
dd if=/dev/urandom of="$file" bs=1M count=$((bytes >> 20)) iflag=fullblock status=none
sync "$file"
"$bench" chain "$file" "$chain"
[ "$(sha256sum <"$file" | cut -c1-64)" = "$(tail -c 32 "$chain" | od -An -v -tx1 | tr -d ' \n')" ] || {
	echo "the chain does not end in the file's SHA-256" >&2
	exit 1
}

cores=$(nproc)
core=$(taskset -cp $$ | sed 's/.*[ ,-]//')
mapfile -t kernels < <("$bench" kernels)

measure() { # NAME SECONDS COMMAND...; SECONDS is what bash's time is to print: %R, or %U+%S
	local name=$1 TIMEFORMAT=$2
	shift 2
	{ time "$@" >/dev/null 2>&3 || echo "failed: $*" >&3; } 3>&2 2>"$work/seconds"
	echo "$name $(awk -F+ -v b="$bytes" '{ print b / ($1 + $2) / 1e9 }' "$work/seconds")" >>"$times"
}

# The kernel alone on all cores at once: what the machine itself gives, with no file to read.
speed_on_all() { # KERNEL
	for ((i = 0; i < cores; i++)); do
		"$bench" speed "$1" &
	done | awk '{ sum += $1 } END { print sum }'
}

for ((round = 0; round < rounds; round++)); do
	measure openssl %U+%S taskset -c "$core" openssl dgst -sha256 "$file"
	measure sha256sum %U+%S taskset -c "$core" sha256sum "$file"
	for kernel in "${kernels[@]}"; do
		measure "$kernel" %U+%S taskset -c "$core" "$bench" check "$file" "$chain" "$kernel" 1
		measure "$kernel-all" %R "$bench" check "$file" "$chain" "$kernel" "$cores"
		echo "$kernel-alone $(taskset -c "$core" "$bench" speed "$kernel")" >>"$times"
		echo "$kernel-alone-all $(speed_on_all "$kernel")" >>"$times"
	done
done

median() { # NAME
	awk -v name="$1" '$1 == name { print $2 }' "$times" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

row() { # NAME LABEL
	awk -v label="$2" -v one="$(median "$1")" -v base="$(median openssl)" -v all="$3" -v alone="$4" -v alone_all="${5-}" 'BEGIN {
		printf "| %s | %.2f | %.2f | ", label, one, one / base
		if (all == "") printf "| | | |\n"
		else printf "%.2f | %.2f | %.2f | %.2f |\n", all, all / one, alone, alone_all / alone
	}'
}

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1) (family $(sed -n 's/^cpu family[^:]*: //p' /proc/cpuinfo | head -1)," \
	"model $(sed -n 's/^model\t[^:]*: //p' /proc/cpuinfo | head -1)), $cores cores, Linux $(uname -r)," \
	"$(stat -f -c %T "$dir"), $(openssl version | cut -d' ' -f1,2), medians of $rounds rounds."
echo
echo "| | one core, GB/s | against openssl | $cores cores, GB/s | against one core | kernel alone, GB/s | $cores cores against one |"
echo "|---|---|---|---|---|---|---|"
row openssl '`openssl dgst -sha256`' "" ""
row sha256sum '`sha256sum`' "" ""
for kernel in "${kernels[@]}"; do
	label=$kernel
	[ "$kernel" != "${kernels[0]}" ] || label="$kernel (chosen)"
	row "$kernel" "$label" "$(median "$kernel-all")" "$(median "$kernel-alone")" "$(median "$kernel-alone-all")"
done
