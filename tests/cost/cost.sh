#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: tests/cost/cost.sh BUILD [NAME...]
#
# Counts the instructions that each dear stream of streams.c (or those named) takes, 30,000 and
# 60,000 bytes of it in pieces of 100: twice as much must cost less than 2.5 times as much. The
# count is valgrind's and always the same, whatever else the machine does. Prints for each stream
# the ratio and the instructions per byte.

set -euo pipefail

least=30000
piece=100
bound=2.5

if [[ $# -eq 0 || $1 == -h || $1 == --help ]]; then
	sed -n '5,/^$/{ s/^# \{0,1\}//; p }' "${BASH_SOURCE[0]}"
	exit 0
fi
if ! command -v valgrind >/dev/null; then
	printf 'cost.sh: skipped: valgrind is not installed\n'
	exit 77
fi
program=$1/tests/cost_streams
shift
names=("$@")
((${#names[@]})) || mapfile -t names < <("$program")

# instructions NAME BYTES: of the whole program.
instructions() {
	local log
	if ! log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		"$program" "$1" "$2" "$piece" 2>&1); then
		printf '%s\n' "$log" >&2
		return 1
	fi
	sed -n 's/.*Collected : //p' <<<"$log"
}

fails=0
none=$(instructions "${names[0]}" 100) # what it costs to start
for name in "${names[@]}"; do
	once=$(instructions "$name" "$least")
	twice=$(instructions "$name" $((2 * least)))
	awk -v name="$name" -v a=$((once - none)) -v b=$((twice - none)) -v n="$least" \
		-v bound="$bound" 'BEGIN {
			printf "%-22s x %.2f %8.1f instructions per byte\n", name, b / a, (b - a) / n
			exit !(a > 0 && b < bound * a)
		}' || {
		printf 'cost.sh: %s: twice as much costs %s times as much or more\n' "$name" "$bound"
		fails=$((fails + 1))
	}
done
((fails == 0))
