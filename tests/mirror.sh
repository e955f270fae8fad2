#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# What a mirror port does to traffic, and what the sensor still finds: captures with keep-alive
# connections are damaged by ../shared/corpus/gen/mutate_pcap.py (optional; nothing of it belongs
# to this project) and replayed. Of the exchanges whose segments all survived, so many percent must
# be found with every value right; a wrong value is never allowed.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${APITAP_BUILD:-$root/build}
gen=$root/../shared/corpus/gen
[[ -n ${APITAP_SHARED:-} ]] && gen=$APITAP_SHARED/corpus/gen
bad=0

# least found (percent, or "same": the same log as the clean capture), then what is done.
faults=(
	"99.9 --drop 0.001 --seed 1"
	"99.9 --drop 0.001 --seed 2"
	"99 --drop 0.01 --seed 1"
	"99 --drop 0.01 --seed 2"
	"95 --drop 0.05 --seed 1"
	"95 --drop 0.05 --seed 2"
	"90 --burst-drop 10:0.002"
	"same --dup 0.5"
	"same --dup 1"
	"99.9 --reorder 8"
	"99.9 --shuffle-dirs 2000"
	"0 --snap 64"
	"0 --snap 96"
	"0 --snap 128"
	"0 --snap 200"
	"90 --flip 0.01 --seed 4"
	"90 --flip 0.01 --seed 14"
	"90 --flip 0.01 --seed 16"
	"99.9 --jitter-clock"
)

if [[ ! -f $gen/mutate_pcap.py ]]; then
	printf 'tests/mirror.sh: skipped: there is no ../shared beside the checkout\n'
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

replay() {
	local status=0
	"$build/apitap" replay --quiet --each --hashes --log-transactions "$2" "$1" \
		>"$work/replay.out" 2>&1 || status=$?
	((status <= 1)) || cat "$work/replay.out" >&2
	return $((status > 1))
}

# measure CAPTURE: all faults, one line each.
measure() {
	local clean=$1 name fault least arguments runs=() i=0
	name=$(basename "$clean" .pcap)
	printf '== %s\n' "$name"
	replay "$clean" "$clean.jsonl"
	for fault in "${faults[@]}"; do
		least=${fault%% *}
		read -ra arguments <<<"${fault#* }"
		python3 -B "$gen/mutate_pcap.py" "$clean" "$work/$name.$i.pcap" "${arguments[@]}" \
			>/dev/null
		replay "$work/$name.$i.pcap" "$work/$name.$i.jsonl"
		runs+=("${fault#* }" "$least" "$work/$name.$i.pcap" "$work/$name.$i.jsonl")
		i=$((i + 1))
	done
	python3 -B "$root/tests/mirror_judge.py" "$clean" "$clean.jsonl" "${runs[@]}"
}

"$build/apitap-gen" storm "$work/storm.pcap" >/dev/null
python3 -B "$gen/gen_tcp.py" "$work/gen" >/dev/null
# Pipelined requests are left out: behind a loss nothing proves whose response is whose.
for capture in "$work/storm.pcap" "$work"/gen/tcp-41-*.pcap \
	"$work"/gen/tcp-43-*.pcap; do
	measure "$capture" || bad=1
done
exit "$bad"
