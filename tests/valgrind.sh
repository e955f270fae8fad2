#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: tests/valgrind.sh [CAPTURE...]
#        tests/valgrind.sh --unit [NAME...]
#
# Replays captures, or runs the unit tests (half an hour of CPU), under valgrind's memcheck: invalid
# accesses, decisions that depend on memory that was never written, blocks that nothing points to at
# the end. It sees what AddressSanitizer cannot: uninitialised bytes, and the code of libraries.
# Packet buffers are DPDK's own memory, of which valgrind only knows that it is there. Without
# arguments: the framing zoo and three other scenarios of the generator, and a few small captures of
# ../shared/corpus/pcaps beside the checkout, when it is there.
#
#   APITAP_BUILD   build directory [build beside this folder]; one without sanitizers
#   APITAP_JOBS    unit tests at once [one per CPU]
#
# valgrind shows programs a processor without AVX-512: DPDK and Hyperscan choose their code when
# they start, so nothing else is to be set. A build with -march=native cannot be run.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${APITAP_BUILD:-$root/build}
corpus=$root/../shared/corpus/pcaps
few=12           # captures of the corpus
most_bytes=65536 # of each

if [[ ${1-} == -h || ${1-} == --help ]]; then
	sed -n '5,/^$/{ s/^# \{0,1\}//; p }' "${BASH_SOURCE[0]}"
	exit 0
fi
if ! command -v valgrind >/dev/null; then
	printf 'tests/valgrind.sh: skipped: valgrind is not installed\n'
	exit 77
fi

# Possibly lost is what glibc keeps of DPDK's threads; definitely lost is nobody's.
valgrind=(valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect
	--errors-for-leak-kinds=definite,indirect --track-origins=yes --num-callers=30
	"--suppressions=$root/tests/valgrind.supp")
if [[ ${1-} == --unit ]]; then
	shift
	exec meson test -C "$build" --suite unit --wrap "${valgrind[*]}" --timeout-multiplier 25 \
		--num-processes "${APITAP_JOBS:-$(nproc)}" --logbase valgrind --print-errorlogs "$@"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
captures=("$@")
if ((${#captures[@]} == 0)); then
	"$build/apitap-gen" hard "$work/hard.pcap"
	"$build/apitap-gen" ssn --users 10 --minutes 1 "$work/ssn.pcap"
	"$build/apitap-gen" noauth --users 40 --minutes 1 "$work/noauth.pcap"
	"$build/apitap-gen" url --users 10 --minutes 1 "$work/url.pcap"
	captures=("$work"/*.pcap)
	if [[ -d $corpus ]]; then
		# Evenly over the names, so that many projects and kinds of traffic are among them.
		mapfile -d '' -t small < <(find -L "$corpus" -type f -size -$((most_bytes / 1024 + 1))k \
			-print0 | sort -z)
		for ((i = 0; i < few && i < ${#small[@]}; i++)); do
			captures+=("${small[i * ${#small[@]} / few]}")
		done
	else
		printf 'skipped: captures: there is no ../shared/corpus/pcaps beside the checkout\n'
	fi
fi

status=0
"${valgrind[@]}" "$build/apitap" replay --each --hashes --log-transactions /dev/null \
	--log-issues /dev/null -q "${captures[@]}" 2>"$work/log" || status=$?
# 1: a capture is damaged, as some are on purpose.
if ((status > 1)); then
	cat "$work/log" >&2
	printf 'tests/valgrind.sh: valgrind ended with %d\n' "$status" >&2
	exit 1
fi
printf '%d captures, 0 errors\n' "${#captures[@]}"
