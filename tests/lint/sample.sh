#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
#
# usage: sample.sh BUILD. conf/apitap.conf is what the program prints as its sample.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! "$1/apitap" check --sample | diff -u conf/apitap.conf -; then
	printf 'conf/apitap.conf differs from the sample (+); to make it anew:\n'
	printf '  %s check --sample > conf/apitap.conf\n' "${1#"$PWD"/}/apitap"
	exit 1
fi
