#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: globals.sh BUILD. No object of flows/ or detect/ has writable data: state is passed in.
# The registries, which constructors fill before main(), are the only exception.

set -euo pipefail
objects=$1/libsensor.a.p
bad=0
n=0
for object in "$objects"/flows_*.o "$objects"/detect_*.o; do
	case ${object##*/} in
	detect_registry.c.o | detect_datatype.c.o | flows_parser_registry.c.o) continue ;;
	esac
	n=$((n + 1))
	if found=$(objdump -t "$object" | awk '$0 ~ / O \.(data|bss|tdata|tbss)\t/ && $0 !~ /__odr_asan|asan/ { print $NF }') &&
		[[ $found ]]; then
		printf '%s: writable: %s\n' "${object##*/}" "$found"
		bad=1
	fi
done
((n > 20)) || { printf 'only %d objects in %s\n' "$n" "$objects"; bad=1; }
exit $bad
