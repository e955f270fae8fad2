#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: symbols.sh BUILD. Objects that run on workers call no allocator, no printf, no clock, no
# lock, no system call. Objects that hold only start and stop, or the control thread's work, are
# listed; everything else in these folders is taken to be a worker's.

set -euo pipefail
objects=$1/libsensor.a.p
deny='malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|mmap|munmap'
deny+='|v?f?printf|v?snprintf|__(v?f?|v?sn)printf_chk|puts|fputs|putchar|fwrite|fread|fopen|write|read|open'
deny+='|clock_gettime|gettimeofday|time|usleep|nanosleep|pthread_mutex_.*|pthread_cond_.*|log_write'
control='flows_flow_conf|flows_parser_registry|flows_tracker_life|flows_tls_keys_load|detect_registry|detect_datatype'
control+='|detect_ruleset|detect_policy|detect_merge|detect_merge_fold|detect_merge_gather|detect_merge_policies|detect_known|detect_learn|detect_draft|detect_issues|detect_baseline|detect_baseline_parts|detect_detect'
control+='|detect_blob|detect_params|detect_record|detect_saving|detect_template_(fold|judge|learn|look|pin)|detect_inventory|detect_doc|detect_spec|detect_spec_read|detect_sessions|detect_.*_life|detect_worker_new|detect_options'
bad=0
n=0
for object in "$objects"/flows_*.o "$objects"/detect_*.o "$objects"/dataplane_{checksum,ingress,link,network,packet,worker,decap_*}.c.o; do
	name=${object##*/}
	[[ $name =~ ^($control)\.c\.o$ ]] && continue
	n=$((n + 1))
	if found=$(nm -u "$object" | awk '{ print $2 }' | grep -xE "$deny"); then
		printf '%s calls: %s\n' "$name" "$(tr '\n' ' ' <<<"$found")"
		bad=1
	fi
done
((n > 20)) || { printf 'only %d objects in %s\n' "$n" "$objects"; bad=1; }
exit $bad
