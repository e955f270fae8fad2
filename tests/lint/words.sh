#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# Every source says its licence in line 1; no file is longer than 700 lines; nothing is marked as
# unfinished; nothing here ever calls the transmit function of a NIC.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0
while read -r file; do
	case $file in
	*.c | *.h | *.sh | *.py | *.proto | *meson.build | tools/setup | tools/demo | tools/test) ;;
	*) continue ;;
	esac
	if ! head -n 2 "$file" | grep -q 'SPDX-License-Identifier: BSD-3-Clause'; then
		printf '%s:1: no licence\n' "$file"
		bad=1
	fi
	if (($(wc -l <"$file") > 700)); then
		printf '%s: longer than 700 lines\n' "$file"
		bad=1
	fi
done < <(git ls-files)
if git grep -nE '\b(TO''DO|FIX''ME|HA''CK)\b' -- '*.c' '*.h' '*.sh' '*.py'; then
	bad=1
fi
if git grep -nE 'rte_eth_tx_(burst|buffer)' -- '*.c'; then
	bad=1
fi
exit $bad
