#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: kill_sensor.sh BUILD [ROUNDS] [replay|run]
#
# The sensor works through a capture of two thousand different issues at a pace that raises
# hundreds of them a second, and is killed with SIGKILL at a random moment, again and again, while
# a subscriber listens. Afterwards everything that the subscriber ever saw must be found again by
# asking for all issues since number 0, byte for byte the same, and no number may come twice.
# run: the sensor is the appliance, on a port that plays the capture as fast as it goes.

set -euo pipefail

build=$(cd "$1" && pwd)
rounds=${2:-100}
mode=${3:-replay}
if [[ $mode == run && $EUID -ne 0 ]]; then
	printf 'skipped: apitap run wants root\n'
	exit 77
fi
work=$(mktemp -d)
subscriber=
sensor=

cleanup() {
	local pid
	for pid in $subscriber $sensor; do
		kill -9 "$pid" 2>/dev/null || true
	done
	[[ ${KEEP-} ]] || rm -rf "$work"
}
trap cleanup EXIT

cat >"$work/sensor.conf" <<CONF
sensor: { id = "kill"; epoch_ms = 50; };
detect: { update_s = 0; };
policies = ( { type = "us.ssn"; action = "prohibited"; direction = "response"; } );
export: {
	pub = "ipc://$work/issues"; replay = "ipc://$work/replay"; spool = "$work/spool";
	sync_ms = 10; max_mb = 65536;
};
CONF

start_sensor() { # mode, speed, capture
	if [[ $1 == run ]]; then
		"$build/apitap" run -c "$work/run.conf" -- --no-huge -m 512 --no-telemetry \
			--file-prefix "kill$$" >"$work/sensor.log" 2>&1 &
	else
		"$build/apitap" replay --export --quiet --speed "$2" -c "$work/sensor.conf" "$3" \
			>"$work/sensor.log" 2>&1 &
	fi
	sensor=$!
	for ((i = 0; i < 200; i++)); do
		grep -q 'notice: Spool' "$work/sensor.log" && return 0
		kill -0 "$sensor" 2>/dev/null || break
		sleep 0.05
	done
	printf 'the sensor did not start:\n' >&2
	cat "$work/sensor.log" >&2
	exit 1
}

"$build/apitap-gen" storm "$work/storm.pcap" >/dev/null
{
	printf 'ports = ( { name = "tap"; device = "net_pcap0,rx_pcap=%s"; } );\n' "$work/storm.pcap"
	cat "$work/sensor.conf"
} >"$work/run.conf"

# One subscriber through all rounds; it comes back by itself. Its file is there before it is.
: >"$work/seen.jsonl"
"$build/apitap-issues" --json --url "ipc://$work/issues" >>"$work/seen.jsonl" 2>"$work/seen.err" &
subscriber=$!
for ((round = 1; round <= rounds; round++)); do
	before=$(stat -c %s "$work/seen.jsonl")
	start_sensor "$mode" 10x "$work/storm.pcap"
	# Every third time at any moment after the start, else when it is known to be at work.
	for ((i = 0; round % 3 && i < 200; i++)); do
		(($(stat -c %s "$work/seen.jsonl") > before)) && break
		sleep 0.05
	done
	sleep "$((RANDOM % 3)).$(printf %03d $((RANDOM % 1000)))"
	kill -9 "$sensor" 2>/dev/null || true # it may be done already
	wait "$sensor" 2>/dev/null || true
done
kill "$subscriber"
wait "$subscriber" 2>/dev/null || true
subscriber=

# Nearly asleep: it only answers.
: >"$work/all.jsonl"
start_sensor replay 0.001x "$work/storm.pcap"
timeout 120 "$build/apitap-issues" --json --since 0 --url "ipc://$work/issues" \
	--timeout 60 >>"$work/all.jsonl" 2>"$work/all.err" &
reader=$!
last=-1
quiet=0 # seconds without a new record: on a busy machine one says nothing
for ((i = 0; i < 110 && quiet < 6; i++)); do
	sleep 1
	now=$(stat -c %s "$work/all.jsonl")
	quiet=$((now > 0 && now == last ? quiet + 1 : 0))
	last=$now
done
kill "$reader" 2>/dev/null || true
wait "$reader" 2>/dev/null || true

python3 - "$work/seen.jsonl" "$work/all.jsonl" "$rounds" <<'PYTHON'
import json
import sys


def load(path):
    records, twice = {}, 0
    for line in open(path, encoding="utf-8"):
        if not line.endswith("\n"):
            break  # the reader was stopped in the middle of a line
        record = json.loads(line)
        key = (record["epoch"], record["seq"])
        twice += key in records
        records[key] = line
    return records, twice


seen, seen_twice = load(sys.argv[1])
kept, kept_twice = load(sys.argv[2])
missing = [k for k in seen if k not in kept]
changed = [k for k in seen if k in kept and seen[k] != kept[k]]
epochs = len({k[0] for k in seen})
print("%s kills: %d records seen live in %d epochs, %d kept; missing %d, changed %d, twice %d live, %d kept"
      % (sys.argv[3], len(seen), epochs, len(kept), len(missing), len(changed), seen_twice, kept_twice))
sys.exit(0 if seen and epochs > 1 and not missing and not changed and not kept_twice and not seen_twice else 1)
PYTHON
