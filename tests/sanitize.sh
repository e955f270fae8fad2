#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: tests/sanitize.sh [CAPTURES_DIR]
#
# Builds with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer beside the usual build,
# runs all unit tests, then replays every capture below CAPTURES_DIR (../shared/corpus/pcaps beside
# the checkout, when it is there) in one process, and the generator's scenarios. Any report fails.
# The last line: "N captures, N reports".
#
#   APITAP_ASAN_BUILD   build directory [build-asan beside this folder]
#   APITAP_JOBS         jobs at once [one per CPU]

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${APITAP_ASAN_BUILD:-$root/build-asan}
jobs=${APITAP_JOBS:-$(nproc)}
captures_dir=${1-}
log=$build/sanitize.log
n_captures=0
bad=0

complain() {
	printf 'tests/sanitize.sh: %s\n' "$*" >&2
	bad=1
}

case $captures_dir in
-h | --help)
	sed -n '5,/^$/{ s/^# \{0,1\}//; p }' "${BASH_SOURCE[0]}"
	exit 0
	;;
'')
	captures_dir=$root/../shared/corpus/pcaps
	if [[ ! -d $captures_dir ]]; then
		printf 'skipped: captures: there is no ../shared/corpus/pcaps beside the checkout\n'
		captures_dir=
	fi
	;;
*)
	[[ -d $captures_dir ]] || { complain "$captures_dir is no directory"; exit 2; }
	;;
esac
(($# <= 1)) || { complain "one directory at most"; exit 2; }

# 77 can be no exit status of a program's own. UBSan goes on after a report: all are wanted.
export ASAN_OPTIONS=detect_leaks=1:exitcode=77
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=0
# What a report begins with, of any sanitizer.
report='ERROR: (Address|Leak)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL'

# replay OPTIONS CAPTURES: false when there were reports, or when the program ended in any other
# way than "all read" or "a capture is damaged", as some are on purpose.
replay() {
	local status=0
	"$build/apitap" replay --each --hashes --log-transactions /dev/null \
		--log-issues /dev/null -q "$@" >"$log" 2>&1 || status=$?
	((status <= 1)) && ! grep -qE "$report" "$log"
}

# Leaves in "guilty" a capture that is enough for a report: each stands alone, so halves can be
# tried. Empty: only all together do it.
find_guilty() {
	local -a list=("$@")
	local half
	while ((${#list[@]} > 1)); do
		half=$((${#list[@]} / 2))
		if ! replay "${list[@]:0:half}"; then
			list=("${list[@]:0:half}")
		elif ! replay "${list[@]:half}"; then
			list=("${list[@]:half}")
		else
			guilty=
			return
		fi
	done
	guilty=${list[0]}
}

# replay_all NAME CAPTURES
replay_all() {
	local name=$1
	shift
	printf '== %s: %d captures\n' "$name" "$#"
	n_captures=$((n_captures + $#))
	replay "$@" && return
	cp "$log" "$log.$name"
	find_guilty "$@"
	grep -qE "$report" "$log" || cp "$log.$name" "$log"
	grep -E -A 40 -m 1 "$report" "$log" >&2 || tail -n 20 "$log" >&2
	complain "$name: reports in $log.$name; one comes with ${guilty:-all captures together}"
	local n
	n=$(grep -cE "$report" "$log.$name" || true)
	n_reports=$((n_reports + (n > 0 ? n : 1)))
}

if [[ ! -f $build/build.ninja ]]; then
	meson setup "$build" "$root" --buildtype=debugoptimized -Db_sanitize=address,undefined \
		-Db_lundef=false
fi
n_reports=0
ninja -C "$build" -j "$jobs" --quiet

printf '== unit tests\n'
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 meson test -C "$build" --suite unit \
	--num-processes "$jobs" --print-errorlogs --timeout-multiplier 4 ||
	complain "unit tests failed"

if [[ $captures_dir ]]; then
	mapfile -d '' -t captures < <(find -L "$captures_dir" -type f -print0 | sort -z)
	if ((${#captures[@]})); then
		replay_all captures "${captures[@]}"
	else
		complain "there is nothing in $captures_dir"
	fi
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Fewer users than usual: it is about code, not about amounts.
while read -r scenario rest; do
	few=()
	[[ $rest =~ \(([0-9]+)\ users ]] && ((BASH_REMATCH[1] > 500)) && few=(--users 500)
	"$build/apitap-gen" "$scenario" "${few[@]}" "$work/$scenario.pcap" >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; complain "apitap-gen $scenario failed"; }
done < <("$build/apitap-gen" --list)
replay_all scenarios "$work"/*.pcap

printf '%d captures, %d reports\n' "$n_captures" "$n_reports"
exit "$bad"
