#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# Folders include only themselves and those before them: conf, dataplane, flows, detect, export.
# The composition root (see the list) is the one exception. Third-party headers stay where they
# belong.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

order=(conf dataplane flows detect export)
root='dataplane/(main|sensor|replay|replay_engine|run|baseline|check|bench|explain|explain_print|keylogs|types|command)\.[ch]'
bad=0

complain() {
	printf '%s\n' "$*"
	bad=1
}

for i in "${!order[@]}"; do
	for later in "${order[@]:i+1}"; do
		while IFS=: read -r file line _; do
			[[ $file =~ ^$root$ ]] || complain "$file:$line: includes $later/, which comes later"
		done < <(grep -nE "^#include \"$later/" -r "${order[i]}" --include='*.[ch]' || true)
	done
done

# header: the only files that may include it
only() {
	local header=$1 files=$2 file line
	while IFS=: read -r file line _; do
		[[ $file =~ ^($files)$ ]] || complain "$file:$line: $header belongs to $files"
	done < <(grep -nE "^#include <$header" -r "${order[@]}" tools --include='*.[ch]' || true)
}
only 'libconfig\.h' 'conf/load\.c|tools/gen/gen_play_read\.h'
only 'hs' 'detect/(own|own_life|ruleset|scan|scan_fields)\.[ch]|detect/types/.*'
only 'nng/' 'export/.*|tools/issues\.c'
only 'maxminddb\.h' 'detect/geo\.c'
only 'pcap/' 'dataplane/source_pcap\.c'
only 'rte_ethdev\.h' 'dataplane/(port|worker)\.c'
only 'brotli/' 'flows/brotli\.c'
only 'nghttp2/' 'flows/h2_hpack\.c'
only 'yaml\.h' 'detect/doc\.c'
only 'zlib\.h' 'flows/inflate\.[ch]|export/.*|detect/(baseline|check)\.c|tools/gen/.*'
exit $bad
