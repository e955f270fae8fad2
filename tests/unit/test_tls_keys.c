// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Key logs: every label, lines that are cut, doubled, shuffled, mixed with others; the table; files.

#include "tests/unit/tls_build.h"

#include "flows/tls_keys.c"
#include "flows/tls_keys_load.c"

static struct tls_keys keys;
static struct buf text;

static void put_line(const char *label, uint32_t connection, uint32_t len)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s ", label);

	for (uint32_t i = 0; i < 32; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x",
			      i < 4 ? connection >> 8 * i & 255 : 7);
	line[n++] = ' ';
	for (uint32_t i = 0; i < len; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02X", (connection + i) & 255);
	line[n++] = '\n';
	put(&text, line, (size_t)n);
}

static const struct tls_secret *find(uint32_t connection, enum tls_label label)
{
	uint8_t random[32];

	memset(random, 7, sizeof(random));
	for (uint32_t i = 0; i < 4; i++)
		random[i] = (uint8_t)(connection >> 8 * i);
	return tls_keys_find(&keys, random, label);
}

static void assert_secret(uint32_t connection, enum tls_label label, uint32_t len)
{
	const struct tls_secret *secret = find(connection, label);

	assert_non_null(secret);
	assert_int_equal(secret->len, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(secret->bytes[i], (connection + i) & 255);
}

static void load(void)
{
	tls_keys_fini(&keys);
	assert_int_equal(tls_keys_text(&keys, guarded(whole_of(&text))), 0);
	tls_keys_ready(&keys);
}

static void put_connection(uint32_t i)
{
	if (i % 2) {
		put_line("CLIENT_RANDOM", i, 48);
		return;
	}
	put_line("SERVER_TRAFFIC_SECRET_0", i, 32);
	put_line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", i, 32);
	put_line("CLIENT_TRAFFIC_SECRET_0", i, 48);
	put_line("EXPORTER_SECRET", i, 32);
	put_line("SERVER_HANDSHAKE_TRAFFIC_SECRET", i, 32);
}

static void check_connection(uint32_t i)
{
	if (i % 2) {
		assert_secret(i, TLS_LABEL_MASTER, 48);
		assert_null(find(i, TLS_LABEL_CLIENT_TRAFFIC));
		return;
	}
	assert_secret(i, TLS_LABEL_SERVER_TRAFFIC, 32);
	assert_secret(i, TLS_LABEL_SERVER_HANDSHAKE, 32);
	assert_secret(i, TLS_LABEL_CLIENT_TRAFFIC, 48);
	assert_secret(i, TLS_LABEL_CLIENT_HANDSHAKE, 32);
	assert_null(find(i, TLS_LABEL_MASTER));
}

static void test_labels(void **)
{
	text.n = 0;
	put(&text, "# a comment\n\n \n", 15);
	for (uint32_t i = 0; i < 300; i++)
		put_connection(i * 7 % 300);
	load();
	for (uint32_t i = 0; i < 300; i++)
		check_connection(i);
	assert_int_equal(keys.n_damaged, 0);
	assert_null(find(301, TLS_LABEL_MASTER));
	assert_null(tls_keys_find(NULL, keys.rows->random, TLS_LABEL_MASTER));
}

static void test_shuffled_and_doubled(void **)
{
	text.n = 0;
	for (uint32_t i = 0; i < 100; i++)
		put_connection(i * 37 % 100);
	for (uint32_t i = 0; i < 100; i++)
		put_connection(i);
	load();
	assert_int_equal(keys.n, 50 + 50 * 4);
	for (uint32_t i = 0; i < 100; i++)
		check_connection(i);
}

// What is cut anywhere loses its last line and nothing else.
static void test_cut(void **)
{
	static struct buf all;

	text.n = 0;
	put_connection(1);
	put_connection(2);
	all = text;
	for (uint32_t n = 0; n <= all.n; n++) {
		text.n = n;
		load();
		uint32_t lines = 0;

		for (uint32_t i = 0; i < n; i++)
			lines += text.p[i] == '\n';
		assert_true(keys.n <= 5);
		if (lines > 0)
			check_connection(1);
		if (lines == 6)
			check_connection(2);
		// A secret whose end is missing is none, even when half of it has a length of one.
		for (uint32_t i = 0; i < keys.n; i++)
			assert_true(keys.rows[i].len == 48 || keys.rows[i].len == 32);
	}
}

static void test_damaged(void **)
{
	static const char *const lines[] = {
		"CLIENT_RANDOM\n",
		"CLIENT_RANDOM 00\n",
		"CLIENT_RANDOM "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00\n",
		"CLIENT_RANDOM "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1x "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		"000102030405060708090a0b0c0d0e0f\n",
		"CLIENT_RANDOM "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		"000102030405060708090a0b0c0d0e0f more\n",
		"CLIENT_RANDOM "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
	};

	text.n = 0;
	for (uint32_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put(&text, lines[i], strlen(lines[i]));
	for (uint32_t i = 0; i < 1000; i++)
		put(&text, "x", 1);
	put(&text, "\n", 1);
	load();
	assert_int_equal(keys.n, 0);
	assert_int_equal(keys.n_damaged, sizeof(lines) / sizeof(lines[0]) + 1);
	assert_null(find(0, TLS_LABEL_MASTER));
}

static void test_ends_of_lines(void **)
{
	text.n = 0;
	put_line("CLIENT_RANDOM", 5, 48);
	text.n--;
	put(&text, "\r\n", 2);
	put_line("CLIENT_RANDOM", 6, 48);
	text.n--; // no end at all
	load();
	assert_secret(5, TLS_LABEL_MASTER, 48);
	assert_secret(6, TLS_LABEL_MASTER, 48);
}

static void write_file(const char *path, uint32_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void test_file(void **)
{
	char path[] = "/tmp/apitap-keys-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	text.n = 0;
	for (uint32_t i = 0; i < 500; i++) // longer than what is read at once
		put_connection(i);
	write_file(path, text.n);
	tls_keys_fini(&keys);
	assert_int_equal(tls_keys_load(&keys, path), 0);
	assert_int_equal(tls_keys_load(&keys, path), 0);
	tls_keys_ready(&keys);
	assert_int_equal(keys.n_damaged, 0);
	for (uint32_t i = 0; i < 500; i++)
		check_connection(i);
	// A line without end that is longer than the buffer.
	memset(text.p, 'A', sizeof(text.p));
	write_file(path, sizeof(text.p));
	tls_keys_fini(&keys);
	assert_int_equal(tls_keys_load(&keys, path), 0);
	assert_true(keys.n_damaged > 0 && keys.n == 0);
	write_file(path, 0);
	assert_int_equal(tls_keys_load(&keys, path), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tls_keys_load(&keys, path), -ENOENT);
	assert_int_equal(tls_keys_load(&keys, "/tmp"), -EISDIR);
	tls_keys_fini(&keys);
	assert_null(keys.rows);
}

static void put_u32(struct buf *b, uint32_t v, bool swapped)
{
	v = swapped ? __builtin_bswap32(v) : v;
	put(b, &v, 4);
}

static void put_block(struct buf *b, uint32_t type, const void *body, uint32_t n, bool swapped)
{
	put_u32(b, type, swapped);
	put_u32(b, n + 12, swapped);
	put(b, body, n);
	put_u32(b, n + 12, swapped);
}

static void put_secrets(struct buf *b, uint32_t kind, uint32_t pad, bool swapped)
{
	static struct buf body;

	body.n = 0;
	put_u32(&body, kind, swapped);
	put_u32(&body, (uint32_t)text.n, swapped);
	put(&body, text.p, text.n);
	put(&body, "\0\0\0", pad);
	put_block(b, PCAPNG_SECRETS, body.p, (uint32_t)body.n, swapped);
}

// Key logs inside of a capture, in either byte order, between other blocks.
static void test_pcapng(void **)
{
	char path[] = "/tmp/test_tls_keys.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	for (uint32_t swapped = 0; swapped < 2; swapped++) {
		static struct buf file;
		static struct buf section;

		file.n = section.n = 0;
		put_u32(&section, PCAPNG_MAGIC, swapped);
		put(&section, "\1\0\0\0\377\377\377\377\377\377\377\377", 12);
		put_block(&file, PCAPNG_SECTION, section.p, (uint32_t)section.n, swapped);
		text.n = 0;
		put_connection(1);
		put_secrets(&file, PCAPNG_TLS_KEY_LOG, 3, swapped);
		put_block(&file, 6, "a packet", 8, swapped);
		text.n = 0;
		put_connection(2);
		put_secrets(&file, 0x57474b4c, 0, swapped); // of another protocol
		text.n = 0;
		put_connection(3);
		text.n--; // without the last line's end
		put_secrets(&file, PCAPNG_TLS_KEY_LOG, 0, swapped);
		size_t whole = file.n;

		put_u32(&file, 6, swapped); // a block that is cut
		text.n = 0;
		put(&text, file.p, file.n);
		write_file(path, text.n);
		tls_keys_fini(&keys);
		assert_int_equal(tls_keys_load(&keys, path), 0);
		tls_keys_ready(&keys);
		check_connection(1);
		check_connection(3);
		assert_null(find(2, TLS_LABEL_CLIENT_TRAFFIC));
		assert_int_equal(keys.n_damaged, 0);
		// However the file is cut, what was whole before is there.
		for (size_t n = 4; n < whole; n++) {
			write_file(path, n);
			tls_keys_fini(&keys);
			assert_int_equal(tls_keys_load(&keys, path), 0);
			assert_true(keys.n_damaged <= 1);
		}
		// A block that ends before it begins.
		memset(text.p + 4, 0, 4);
		write_file(path, whole);
		tls_keys_fini(&keys);
		assert_int_equal(tls_keys_load(&keys, path), -EILSEQ);
	}
	assert_int_equal(unlink(path), 0);
	tls_keys_fini(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_shuffled_and_doubled),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_ends_of_lines),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_pcapng),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
