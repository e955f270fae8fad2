#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: kill_state.sh BUILD [ROUNDS]
#
# A process saves one baseline after the other, each greater than the one before, and is killed with
# SIGKILL at a random moment, again and again. What is read afterwards must be whole, and never be
# older than the last save that had ended.

set -euo pipefail

program=$1/tests/cost_state
rounds=${2:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

least=0
for ((round = 1; round <= rounds; round++)); do
	: >"$work/saved" # the shell that starts it would empty it too late
	"$program" "$work" save 7 >>"$work/saved" &
	pid=$!
	# At least one is saved, then up to 60 ms more.
	until [[ -s $work/saved ]]; do
		kill -0 "$pid" 2>/dev/null || { printf 'the process ended by itself\n'; exit 1; }
		sleep 0.01
	done
	sleep "0.0$((RANDOM % 7))$((RANDOM % 10))"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	last=$(grep -E '^[0-9]+$' "$work/saved" | tail -n 1)
	found=$("$program" "$work" load 7)
	if ((found < last || found < least)) || compgen -G "$work/*.corrupt" >/dev/null ||
		compgen -G "$work/*.refused" >/dev/null; then
		printf 'round %d: %s endpoints were saved, %s are there\n' "$round" "$last" "$found"
		ls -l "$work"
		exit 1
	fi
	least=$found
done
printf '%d rounds, %d endpoints in the end\n' "$rounds" "$least"
