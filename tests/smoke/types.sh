#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: types.sh BUILD
#
# What apitap types says of the data types and of a few texts, and how it answers mistakes.

set -euo pipefail

apitap=$(cd "$1" && pwd)/apitap
bad=0

# expect STATUS PATTERN COMMAND...: exit status, and a line of what it prints to either output.
expect() {
	local want=$1 pattern=$2 status=0 out
	shift 2
	out=$("$@" 2>&1) || status=$?
	if ((status != want)) || ! grep -qE -- "$pattern" <<<"$out"; then
		printf 'types.sh: %s: exit status %d, not %d, or no line "%s" in:\n%s\n' \
			"$*" "$status" "$want" "$pattern" "$out"
		bad=1
	fi
}

# says STATUS PATTERN TEXT [OPTION...]
says() {
	local want=$1 pattern=$2 text=$3
	shift 3
	expect "$want" "$pattern" bash -c 'printf "%s\n" "$0" | "$@"' "$text" "$apitap" types test "$@"
}

expect 0 '^jp\.mynumber +government id +JP +with context +APPI;' "$apitap" types
expect 0 '^\{"id":"card\.pan",.*"tags":\["PCI DSS"' "$apitap" types list --json
(($("$apitap" types | wc -l) == $("$apitap" types --json | python3 -c '
import json, sys
print(len([json.loads(line) for line in sys.stdin]))'))) || {
	printf 'types.sh: the two lists differ\n'
	bad=1
}
says 0 '^1: card\.pan +"4111 1111 1111 1111" found$' 'paid with 4111 1111 1111 1111'
says 1 '^1: card\.pan +"4111 1111 1111 1112" no: it begins like one, but the check refuses it' \
	'4111 1111 1111 1112'
says 0 '^1: jp\.mynumber +"123456789018" found$' 'mynumber=123456789018'
says 0 '^1: jp\.mynumber +"123456789018" found$' '123456789018' --key my_number
says 1 '^1: jp\.mynumber .* no: reported only with context whose name has one of' '123456789018' \
	--key nothing
says 1 '^1: nothing looks like a data type$' 'hello'
says 0 '^\{"line":1,"type":"email","found":true,"why":null,"text":"jane@mail\.example\.org"\}$' \
	'jane@mail.example.org' --json
says 1 '^1: .*\\u001b' $'4111 1111 1111 1112 \e[31m' # nothing reaches the terminal as it came
expect 2 'give list or test' "$apitap" types lists
expect 2 'types: --key is for test' "$apitap" types --key a
expect 2 'nowhere\.conf' "$apitap" types test -c nowhere.conf
exit "$bad"
