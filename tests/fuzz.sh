#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: tests/fuzz.sh [SECONDS [NAME...]]
#
# Builds the sensor with clang under AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer's
# coverage beside the usual build, links each tests/fuzz/NAME.c (or those named) with it, and runs
# each for SECONDS [30]. Prints one line per harness; fails when one has a finding. What a harness
# found stays in the build directory, as does what it learnt: the next run starts from there.
#
# A harness is one file with LLVMFuzzerTestOneInput(). It includes headers, or the .c that it looks
# into, as the unit tests do. tests/fuzz/seeds/NAME/ and tests/fuzz/NAME.dict are used when they
# are there, and a line "// fuzz: OPTIONS" in the file gives libFuzzer options of its own.
#
#   APITAP_FUZZ_BUILD   build directory [build-fuzz beside this folder]
#   APITAP_JOBS         harnesses at once [one per CPU]
#
# examples:
#   tests/fuzz.sh
#   tests/fuzz.sh 600 json form
#   build-fuzz/fuzz/json build-fuzz/findings/json-crash-…     # one input again

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${APITAP_FUZZ_BUILD:-$root/build-fuzz}
jobs=${APITAP_JOBS:-$(nproc)}
seconds=30
sanitizers=address,undefined
packages=(clang libclang-rt-14-dev)

usage() {
	sed -n '5,/^$/{ s/^# \{0,1\}//; p }' "${BASH_SOURCE[0]}"
}

fail() {
	printf 'tests/fuzz.sh: %s\n' "$*" >&2
	exit 2
}

# Only here: nobody needs clang who does not fuzz.
install_clang() {
	local missing=() package
	for package in "${packages[@]}"; do
		dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	((${#missing[@]})) || return 0
	((EUID == 0)) || fail "only root can install what is missing: apt-get install ${missing[*]}"
	printf 'installing %s\n' "${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update
	apt-get -qq -y --no-install-recommends install "${missing[@]}"
}

build_sensor() {
	if [[ ! -f $build/build.ninja ]]; then
		CC=clang meson setup "$build" "$root" --buildtype=debugoptimized \
			-Db_sanitize=$sanitizers -Db_lundef=false \
			-Dc_args="-fsanitize=fuzzer-no-link -fno-sanitize-recover=all" ||
			fail "meson could not configure $build"
	fi
	# The program itself is not wanted, but its command line is: it names all libraries.
	ninja -C "$build" -j "$jobs" --quiet libsensor.a >"$build/ninja.log" 2>&1 ||
		{ tail -n 40 "$build/ninja.log" >&2; fail "the build failed"; }
}

# words COMMAND: its words, one a line, without the quotes that ninja puts around some.
words() {
	xargs -n 1 printf '%s\n' <<<"$1"
}

# Flags to compile as the sensor's own files are compiled, in "compile".
find_compile_flags() {
	local command word skip=
	compile=()
	command=$(ninja -C "$build" -t commands libsensor.a | grep 'dataplane_fate\.c\.o')
	command=${command%%$'\n'*}
	while IFS= read -r word; do
		if [[ $skip ]]; then
			skip=
			continue
		fi
		case $word in
		ccache | clang | *.c | -c | -MD) ;;
		-o | -MQ | -MF) skip=1 ;;
		*) compile+=("$word") ;;
		esac
	done < <(words "$command")
}

# What the sensor is linked with, in "libraries".
find_libraries() {
	local command word
	libraries=()
	command=$(ninja -C "$build" -t commands apitap | tail -n 1)
	while IFS= read -r word; do
		case $word in
		*/lib*.so* | -l* | -pthread) libraries+=("$word") ;;
		esac
	done < <(words "$command")
}

# link_harness NAME
link_harness() {
	local source=$root/tests/fuzz/$1.c program=$build/fuzz/$1
	# Encapsulations, data types, walkers and so on register themselves, so all of the library
	# is linked; but what a harness includes must not be there twice.
	local sensor=(-Wl,--whole-archive libsensor.a -Wl,--no-whole-archive)
	if (cd "$build" && clang "${compile[@]}" -I"$root/tests/unit" -MM "$source") |
		tr -s ' ' '\n' | grep '\.c$' | grep -v "/fuzz/$1\.c$" >/dev/null; then
		sensor=(libsensor.a)
	fi
	(cd "$build" && clang "${compile[@]}" -I"$root/tests/unit" -fsanitize=fuzzer,$sanitizers \
		-o "$program" "$source" "${sensor[@]}" "${libraries[@]}") >"$program.log" 2>&1 &&
		return 0
	cat "$program.log" >&2
	return 1
}

# run_harness NAME: prints its line. False: a finding.
run_harness() {
	local name=$1 log=$build/fuzz/$1.run.log status=0 runs finding
	local folders=("$build/corpus/$name") options=() own
	mkdir -p "${folders[0]}"
	if [[ -d $root/tests/fuzz/seeds/$name ]]; then
		folders+=("$root/tests/fuzz/seeds/$name")
	fi
	if [[ -f $root/tests/fuzz/$name.dict ]]; then
		options+=("-dict=$root/tests/fuzz/$name.dict")
	fi
	read -r -a own < <(sed -n 's|^// fuzz: ||p' "$root/tests/fuzz/$name.c") || true
	nice "$build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 \
		-max_len=8192 -print_final_stats=1 -artifact_prefix="$build/findings/$name-" \
		"${options[@]}" "${own[@]}" "${folders[@]}" >"$log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if ((status == 0)); then
		printf '%-24s %10s runs, no finding\n' "$name" "${runs:-0}"
		return 0
	fi
	finding=$(sed -n 's/^artifact_prefix.*Test unit written to //p' "$log")
	printf '%-24s %10s runs, FINDING %s: %s\n' "$name" "${runs:-?}" "${finding:-(none kept)}" \
		"$(grep -m 1 -E 'ERROR: |runtime error: |Assertion|^fuzz: ' "$log" || tail -n 1 "$log")"
	return 1
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
'') ;;
*[!0-9]*)
	usage >&2
	exit 2
	;;
*)
	seconds=$1
	shift
	;;
esac
names=("$@")
if ((${#names[@]} == 0)); then
	for source in "$root"/tests/fuzz/*.c; do
		[[ -f $source ]] && names+=("$(basename "$source" .c)")
	done
fi
((${#names[@]})) || fail "there is no harness in tests/fuzz"
for name in "${names[@]}"; do
	[[ -f $root/tests/fuzz/$name.c ]] || fail "there is no tests/fuzz/$name.c"
done

export UBSAN_OPTIONS=print_stacktrace=1
install_clang
build_sensor
find_compile_flags
find_libraries
mkdir -p "$build/fuzz" "$build/findings"
bad=0
for name in "${names[@]}"; do
	link_harness "$name" || fail "$name could not be built"
done
running=0
for name in "${names[@]}"; do
	if ((running == jobs)); then
		wait -n || bad=1
		running=$((running - 1))
	fi
	run_harness "$name" &
	running=$((running + 1))
done
while ((running)); do
	wait -n || bad=1
	running=$((running - 1))
done
exit "$bad"
