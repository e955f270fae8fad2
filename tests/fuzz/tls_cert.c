// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Certificates.

#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

#include "flows/tls_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_cert cert;
	uint8_t *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	tls_cert_parse(span_make(copy, size), &cert);
	free(copy);
	FUZZ_CHECK(cert.subject_len <= TLS_CERT_NAME && cert.issuer_len <= TLS_CERT_NAME);
	FUZZ_CHECK(cert.san_len <= TLS_CERT_SAN && cert.n_san_kept <= cert.n_san);
	FUZZ_CHECK(cert.key <= TLS_KEY_GOST);
	return 0;
}
