// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Messages of gRPC. The first byte says in which form: as they are, compressed, of gRPC-Web in
// base64.

#include "tests/fuzz/body_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codings[] = {NULL, "gzip", "deflate", "br", "zstd", "snappy"};
	static const char *const types[] = {"application/grpc", "application/grpc-web-text",
					    "application/grpc+json"};

	if (size == 0)
		return 0;
	body_fuzz_grpc = codings[data[0] % 6];
	return body_fuzz_run(types[data[0] / 6 % 3], NULL, data + 1, size - 1);
}
