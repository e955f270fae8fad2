#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# Measures the sensor on a collection of captures and labelled cases in ../shared, beside the
# checkout (optional; nothing of it belongs to this project):
#
#   exchanges  every capture with HTTP/1 in it is replayed on its own; the exchanges found are
#              compared with the expected ones. Where the expected ones are known to be wrong,
#              known-differences.tsv says why, and both figures are printed
#              (exchanges inside TLS with the key logs there), and the same for HTTP/2
#   frames     the same with WebSocket frames
#   handshakes the same with TLS handshakes
#   generated  the hard captures that ../shared/corpus/gen makes, with records that were written
#              beside them: all that is not optional, nothing else, and the anomalies
#   hard       the same with the framing zoo that apitap-gen makes
#   values     labelled texts in JSON responses: which data types were recognised, once under a
#              key that says nothing and once under a key that names the type
#   benign     recorded requests without an attack: which data types are reported, and which of
#              them are not there; benign-types.tsv says what was looked at
#   reference  in all cases and captures the same values are found with types.scan = "reference"

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${APITAP_BUILD:-$root/build}
corpus=$root/../shared/corpus
cases=$root/../shared/cases
least_equal=99.5 # percent of the expected exchanges that carry no warning
least_other=99.5 # … of the expected frames and handshakes
most_extra=1.0   # percent of all that is expected
bad=0

if [[ ! -d $corpus || ! -d $cases ]]; then
	printf 'tests/corpus.sh: skipped: there is no ../shared beside the checkout\n'
	exit 0
fi
corpus=$(cd "$corpus" && pwd)
cases=$(cd "$cases" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

complain() {
	printf 'tests/corpus.sh: %s\n' "$*" >&2
	bad=1
}

# Replays captures; exit status 1 only says that one of them is damaged, as some are on purpose.
replay() {
	local status=0
	"$build/apitap" replay --quiet "$@" >"$work/replay.out" 2>"$work/replay.err" || status=$?
	((status <= 1)) && return 0
	tail -n 20 "$work/replay.err" >&2
	return "$status"
}

# Keeps the records of a kind, such as http-h1 or tls, of JSON lines; "strict" also drops those with warnings.
keep() {
	python3 -c '
import json, sys
kind, proto = (sys.argv[1].split("-") + [None])[:2]
for line in sys.stdin:
    r = json.loads(line)
    if r.get("kind") == kind and r.get("proto") == proto and not (sys.argv[2:] and r.get("warn")):
        sys.stdout.write(line if line.endswith("\n") else line + "\n")
' "$@"
}

# compare KIND EXPECTED FOUND: every difference and the counters, for people.
compare() {
	python3 -B "$corpus/compare_oracle.py" --kinds "${1%-*}" --max 1000000 --expected "$2" \
		--found "$3" || true
}

counters() {
	python3 -B "$corpus/compare_oracle.py" --kinds "${1%-*}" --json --expected "$2" --found "$3" ||
		true
}

# judge KIND LEAST ALL STRICT FOUND [KNOWN]: expected records, those of them without warning, what
# was found.
judge() {
	local kind=$1 least=$2
	shift 2
	compare "$kind" "$1" "$3" >"$work/lines"
	compare "$kind" "$2" "$3" >"$work/strict.lines"
	grep -vE '^(DIFF|MISSING|EXTRA)' "$work/lines" || true
	python3 -B "$root/tests/corpus_judge.py" "$kind" "$(counters "$kind" "$1" "$3")" \
		"$(counters "$kind" "$2" "$3")" "$work/lines" "$work/strict.lines" "$least" \
		"$most_extra" "${@:4}"
}

# measure WHAT KIND LEAST: the captures that have expected records of that kind.
measure() {
	local captures keylogs=() keylog
	printf '== %s in captures\n' "$1"
	shift
	find "$corpus/oracle" -name '*.jsonl' -print0 | sort -z | xargs -0 cat | keep "$1" \
		>"$work/expected.jsonl"
	keep "$1" strict <"$work/expected.jsonl" >"$work/strict.jsonl"
	mapfile -t captures < <(python3 -c '
import json, sys
for p in sorted({json.loads(l)["pcap"] for l in sys.stdin}):
    print(p)' <"$work/expected.jsonl")
	# Beside the captures, and inside of some.
	for keylog in "$corpus"/keys/*.log "$corpus"/pcaps/mikekap+pcap2har/tests/resources/http2-dump.pcap; do
		keylogs+=(--keylog "$keylog")
	done
	printf '%d captures\n' "${#captures[@]}"
	(cd "$corpus/pcaps" && replay --each --hashes "${keylogs[@]}" \
		--log-transactions "$work/all.jsonl" "${captures[@]}") || return 1
	keep "$1" <"$work/all.jsonl" >"$work/found.jsonl"
	judge "$1" "$2" "$work/expected.jsonl" "$work/strict.jsonl" "$work/found.jsonl" \
		"$root/tests/known-differences.tsv"
}

# measure_generated FAMILY
measure_generated() {
	local captures=("$work/gen/$1"-*.pcap*) status=0
	printf '== generated captures: %s\n' "$1"
	# A directory: each capture of TLS has its key log beside it.
	replay --each --hashes --keylog "$work/gen" --log-transactions "$work/found.jsonl" \
		"${captures[@]}" || return 1
	python3 -B "$corpus/compare_oracle.py" --max 20 --expected "$work/gen/$1.expected.jsonl" \
		--found "$work/found.jsonl" >"$work/lines" || status=$?
	cat "$work/lines"
	return "$status"
}

measure_hard() {
	printf '== exchanges in the framing zoo\n'
	"$build/apitap-gen" hard "$work/hard.pcap" || return 1
	replay --each --hashes --log-transactions "$work/hard.all.jsonl" "$work/hard.pcap" || return 1
	keep http-h1 <"$work/hard.all.jsonl" >"$work/hard.found.jsonl"
	judge http-h1 "$least_equal" "$work/hard.pcap.expected.jsonl" "$work/hard.pcap.expected.jsonl" \
		"$work/hard.found.jsonl"
}

# measure_values NAME SET [OPTION]: an option of to_pcap.py.
measure_values() {
	local name=$1 set=$2 capture=$work/$1.pcap
	shift 2
	printf '== data types in labelled texts (%s)\n' "$name"
	python3 -B "$cases/to_pcap.py" "$capture" "$cases/$set.dev.jsonl.zst" "$@" || return 1
	value_captures+=("$capture")
	replay --log-transactions "$capture.jsonl" "$capture" || return 1
	python3 -B "$cases/score.py" "$capture.labels.jsonl" "$capture.jsonl" >"$capture.score" ||
		return 1
	grep -E '^(total|lost)' "$capture.score"
	grep -q '^total .* present ' "$capture.score" &&
		grep -q '^lost (no transaction): 0$' "$capture.score"
}

measure_benign() {
	local capture=$work/benign.pcap
	printf '== data types in recorded benign requests\n'
	python3 -B "$cases/to_pcap.py" "$capture" "$cases/injection-blazehttp.dev.jsonl.zst" \
		"$cases/http-har.dev.jsonl.zst" || return 1
	replay --log-transactions "$capture.jsonl" "$capture" || return 1
	python3 -B "$root/tests/benign_judge.py" "$capture.labels.jsonl" "$capture.jsonl" \
		"$root/tests/benign-types.tsv"
}

measure_reference() {
	local set one captures status=0 keylogs=() keylog
	printf '== fast against reference\n'
	for set in "$cases"/*.jsonl.zst; do
		one=$work/$(basename "$set" .dev.jsonl.zst).pcap
		python3 -B "$cases/to_pcap.py" "$one" "$set" >/dev/null || return 1
		value_captures+=("$one")
	done
	# The card number lies inside of an IBAN, which is told as a whole; twice, for the plain
	# texts are also there as a set of their own.
	python3 -B "$root/tests/smoke/reference.py" --explained 2 "$build" \
		"${value_captures[@]}" || status=1
	mapfile -t captures < <(find "$corpus/pcaps" -type f \( -name '*.pcap*' -o -name '*.cap' \))
	for keylog in "$corpus"/keys/*.log "$corpus"/pcaps/mikekap+pcap2har/tests/resources/http2-dump.pcap; do
		keylogs+=(--keylog "$keylog")
	done
	python3 -B "$root/tests/smoke/reference.py" "${keylogs[@]}" "$build" "${captures[@]}" \
		2>"$work/reference.err" || status=1
	return "$status"
}

measure "exchanges of HTTP/1" http-h1 "$least_equal" || complain "HTTP/1: too few were found as expected"
measure "exchanges of HTTP/2" http-h2 "$least_other" || complain "HTTP/2: too few were found as expected"
measure "frames of WebSocket" ws "$least_other" || complain "WebSocket: too few were found as expected"
measure "handshakes of TLS" tls "$least_other" || complain "TLS: too few were found as expected"
(cd "$corpus/gen" && ./make_all.sh "$work/gen" >/dev/null 2>&1) || complain "no captures could be generated"
for family in tcp encap http1 http2 tls; do
	measure_generated "$family" || complain "generated captures ($family): not as expected"
done
measure_hard || complain "too few exchanges of the framing zoo were found as expected"
value_captures=()
measure_values plain sensitive-presidio || complain "labelled texts: exchanges were lost"
measure_values keyed sensitive-presidio --keyed ||
	complain "labelled texts with keys: exchanges were lost"
measure_values sentences sensitive-presidio-research || complain "sentences: exchanges were lost"
measure_values secrets sensitive-gitleaks || complain "secrets: exchanges were lost"
measure_benign || complain "benign requests: too many data types are not there"
measure_reference || complain "the reference and the fast way differ in data types"
exit "$bad"
