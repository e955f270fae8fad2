// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Decryption of a connection whose secrets are known. Lives in the block of the connection.

#pragma once

#include "flows/tls_cipher.h"
#include "flows/tls_inner.h"

enum tls_stage {
	TLS_STAGE_NONE = 0,
	TLS_STAGE_HANDSHAKE, // TLS 1.3, up to Finished
	TLS_STAGE_TRAFFIC,
};

struct tls_way {
	uint8_t stage;   // enum tls_stage
	bool opened;     // a record was opened
	bool resync;     // the border of a record is looked for
	bool missing;    // bytes of the record that is being gathered are lost
	bool unread;     // TLS 1.3: a part of the handshake is lost, and the rest means nothing
	uint32_t slack;  // records that may have been lost before the next one
	uint32_t have;   // bytes of the record gathered
	uint32_t failed; // records in a row that could not be opened
	struct tls_cipher cipher;  // of the stage
	struct tls_cipher traffic; // of the next one, in the stage of the handshake
	uint8_t secret[TLS_SECRET_MOST]; // traffic secret, for updates
};

struct tls_decrypt {
	bool on;
	bool dead; // no more is decrypted
	bool early; // early data went by
	const struct tls_suite *suite;
	uint32_t tries; // spent on finding the numbers of records
	struct tls_way way[2];
	struct tls_inner inner;
};

// Both hellos are known: are there secrets? Then the connection is decrypted from here on.
bool tls_decrypt_begin(struct pctx *p);
// Bytes of an encrypted record, whose head is in the side.
void tls_decrypt_bytes(struct pctx *p, enum dir dir, struct span bytes);
// The record is whole, or its missing bytes have been told.
void tls_decrypt_record(struct pctx *p, enum dir dir);
// len bytes are missing. False: somewhere in them a record began; borders are looked for.
void tls_decrypt_gap(struct pctx *p, enum dir dir, uint64_t len);
// Five bytes: could a record begin here?
bool tls_decrypt_border(struct pctx *p, enum dir dir);
// TLS 1.3: the last message of this side's handshake; an update of its key.
void tls_decrypt_finished(struct pctx *p, enum dir dir);
void tls_decrypt_update(struct pctx *p, enum dir dir);
void tls_decrypt_close(struct pctx *p, enum close_reason why);
