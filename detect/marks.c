// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Marks: who is who, and the checks behind the lists of marks_*.c. Pure functions, worker.

#include "detect/marks.h"

#include <string.h>

static const struct {
	enum mark_kind kind;
	const char *title;
} products[MARK_PRODUCTS] = {
	[MARK_ACCESS] = {MARK_SQL, "Microsoft Access"},
	[MARK_CLICKHOUSE] = {MARK_SQL, "ClickHouse"},
	[MARK_DB2] = {MARK_SQL, "IBM Db2"},
	[MARK_DOCUMENTUM] = {MARK_SQL, "Documentum"},
	[MARK_ELASTICSEARCH] = {MARK_SQL, "Elasticsearch"},
	[MARK_FIREBIRD] = {MARK_SQL, "Firebird or InterBase"},
	[MARK_FRONTBASE] = {MARK_SQL, "FrontBase"},
	[MARK_H2] = {MARK_SQL, "H2"},
	[MARK_HSQLDB] = {MARK_SQL, "HSQLDB"},
	[MARK_INFORMIX] = {MARK_SQL, "Informix"},
	[MARK_INGRES] = {MARK_SQL, "Ingres"},
	[MARK_MAXDB] = {MARK_SQL, "SAP MaxDB or HANA"},
	[MARK_MONGODB] = {MARK_SQL, "MongoDB"},
	[MARK_MSSQL] = {MARK_SQL, "Microsoft SQL Server"},
	[MARK_MYSQL] = {MARK_SQL, "MySQL or MariaDB"},
	[MARK_NEO4J] = {MARK_SQL, "Neo4j"},
	[MARK_ORACLE] = {MARK_SQL, "Oracle Database"},
	[MARK_POSTGRESQL] = {MARK_SQL, "PostgreSQL"},
	[MARK_SQLITE] = {MARK_SQL, "SQLite"},
	[MARK_SYBASE] = {MARK_SQL, "Sybase"},
	[MARK_SQL_OTHER] = {MARK_SQL, "a database driver"},
	[MARK_DOTNET] = {MARK_TRACE, ".NET"},
	[MARK_ELIXIR] = {MARK_TRACE, "Elixir"},
	[MARK_GO] = {MARK_TRACE, "Go"},
	[MARK_JAVA] = {MARK_TRACE, "Java"},
	[MARK_NODE] = {MARK_TRACE, "Node.js"},
	[MARK_PERL] = {MARK_TRACE, "Perl"},
	[MARK_PHP] = {MARK_TRACE, "PHP"},
	[MARK_PYTHON] = {MARK_TRACE, "Python"},
	[MARK_RUBY] = {MARK_TRACE, "Ruby"},
	[MARK_RUST] = {MARK_TRACE, "Rust"},
	[MARK_ASPNET_PAGE] = {MARK_DEBUG, "ASP.NET"},
	[MARK_DJANGO_PAGE] = {MARK_DEBUG, "Django"},
	[MARK_RAILS_PAGE] = {MARK_DEBUG, "Rails"},
	[MARK_SPRING_PAGE] = {MARK_DEBUG, "Spring"},
	[MARK_STRUTS_PAGE] = {MARK_DEBUG, "Struts"},
	[MARK_WERKZEUG_PAGE] = {MARK_DEBUG, "Werkzeug"},
	[MARK_LARAVEL_PAGE] = {MARK_DEBUG, "Laravel"},
	[MARK_PHPINFO_PAGE] = {MARK_DEBUG, "phpinfo()"},
	[MARK_PHP_SOURCE] = {MARK_SOURCE, "PHP"},
	[MARK_JSP_SOURCE] = {MARK_SOURCE, "JSP"},
	[MARK_FOLDER] = {MARK_FILE, "a listing of a folder"},
	[MARK_PASSWD] = {MARK_FILE, "the list of accounts of a Unix system"},
	[MARK_SERVER_PATH] = {MARK_PATH, "the server's file system"},
	[MARK_SERVER_BANNER] = {MARK_BANNER, "the server's software"},
	[MARK_WEB_SHELL] = {MARK_INTRUDER, "a web shell"},
};

enum mark_kind mark_kind(enum mark_product product)
{
	return products[product].kind;
}

const char *mark_title(enum mark_product product)
{
	return products[product].title;
}

static const struct mark *const lists[] = {marks_sql, marks_trace, marks_page};

uint32_t marks_count(void)
{
	uint32_t n = 0;

	for (uint32_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		for (const struct mark *m = lists[l]; m->pattern; m++)
			n++;
	}
	return n;
}

const struct mark *marks_get(uint32_t i)
{
	for (uint32_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		for (const struct mark *m = lists[l]; m->pattern; m++) {
			if (i-- == 0)
				return m;
		}
	}
	return NULL;
}

bool marks_found(struct marks *marks, const struct mark *m, struct span text, uint64_t end)
{
	int product = (int)m->product;
	uint64_t bit;

	if (end < marks->end)
		return true; // seen with the window before
	if (m->check) {
		uint32_t back = text.len < MARK_BACK ? text.len : MARK_BACK;

		product = m->check(span_make(text.p + text.len - back, back), m->product);
		if (product < 0)
			return false;
	}
	bit = UINT64_C(1) << product;
	if (!m->hint)
		marks->sure |= bit;
	else if (marks->hint & bit && end > marks->end)
		marks->again |= bit;
	if (m->hint)
		marks->hint |= bit;
	if (m->raw)
		marks->raw |= bit;
	marks->end = end;
	return true;
}

// ---- looking back

static bool is_name(uint8_t c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z') ||
	       c == '_' || c == '$';
}

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool ends_with(struct span s, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	return s.len >= n && memcmp(s.p + s.len - n, text, n) == 0;
}

static void cut(struct span *s, uint32_t n)
{
	s->len -= n < s->len ? n : s->len;
}

// Cuts the name that s ends with, and returns it.
static struct span take_name(struct span *s)
{
	uint32_t n = 0;

	while (n < s->len && is_name(s->p[s->len - 1 - n]))
		n++;
	s->len -= n;
	return span_make(s->p + s->len, n);
}

// Does `word` stand somewhere in s?
static bool holds(struct span s, const char *word)
{
	uint32_t n = (uint32_t)strlen(word);

	for (uint32_t i = 0; n <= s.len && i <= s.len - n; i++) {
		if (memcmp(s.p + i, word, n) == 0)
			return true;
	}
	return false;
}

int mark_word(struct span before, enum mark_product product)
{
	uint32_t n = 0, tail = 0;

	// The match is letters, '-', digits: what stands before its letters must be no letter.
	while (tail < before.len && !is_upper(before.p[before.len - 1 - tail]))
		tail++;
	while (tail + n < before.len && is_upper(before.p[before.len - 1 - tail - n]))
		n++;
	if (tail + n < before.len && is_name(before.p[before.len - 1 - tail - n]))
		return -1;
	return n >= 3 && n <= 4 ? (int)product : -1;
}

// com.example.Service.call(Service.java:42)
int mark_frame_java(struct span before, enum mark_product product)
{
	struct span s = before;
	uint32_t dots = 0;

	while (s.len && s.p[s.len - 1] != '.') // the line's number
		s.len--;
	cut(&s, 1);
	if (take_name(&s).len == 0 || s.len == 0 || s.p[s.len - 1] != '(')
		return -1;
	cut(&s, 1);
	while (s.len) {
		uint8_t c = s.p[s.len - 1];

		if (is_name(c) || c == '<' || c == '>') // <init>
			s.len--;
		else if (c == '.' && ++dots)
			s.len--;
		else
			break;
	}
	return dots >= 1 ? (int)product : -1;
}

// File "/srv/app/views.py", line 42
int mark_frame_python(struct span before, enum mark_product product)
{
	return holds(before, "File \"") || holds(before, "File \\\"") ||
			       holds(before, "File &quot;") || holds(before, "File &#x27;")
		       ? (int)product
		       : -1;
}

// at handler (/srv/app/index.js:10:15), at async file:///srv/app/main.mjs:3:7
int mark_frame_node(struct span before, enum mark_product product)
{
	// What a line of a trace begins with.
	return holds(before, "   at ") || holds(before, "\\tat ") || holds(before, "&nbsp;at ") ||
			       holds(before, "\tat ")
		       ? (int)product
		       : -1;
}

// relation \"users\" does not exist, Table 'shop.users' doesn't exist, Column 'id' cannot be null
int mark_named(struct span before, enum mark_product product)
{
	static const char *const kinds[] = {"relation ", "column ", "Column ", "table ",
					    "Table ",    "type ",   "role ",   "schema ",
					    "database ", NULL};
	struct span s = before;
	uint32_t quotes = 0;

	if (ends_with(s, " doesn't exist")) // its sign is no quote
		cut(&s, 14);
	// Back over both quotes and the name between them.
	while (s.len && quotes < 2) {
		uint8_t c = s.p[s.len - 1];

		quotes += c == '"' || c == '\'';
		if (quotes == 1 && c < ' ')
			return -1;
		s.len--;
	}
	if (s.len && s.p[s.len - 1] == '\\')
		s.len--;
	for (uint32_t i = 0; kinds[i]; i++) {
		if (ends_with(s, kinds[i]))
			return (int)product;
	}
	return -1;
}

// Classes that only one runtime has, whether their package is named or not.
static int bare_exception(struct span name)
{
	static const char *const java[] = {"NullPointerException",
					   "ClassCastException",
					   "ClassNotFoundException",
					   "IndexOutOfBoundsException",
					   "ArrayIndexOutOfBoundsException",
					   "StringIndexOutOfBoundsException",
					   "NumberFormatException",
					   "ConcurrentModificationException",
					   "NoSuchElementException",
					   "IllegalMonitorStateException",
					   "LazyInitializationException",
					   "HttpMessageNotReadableException",
					   NULL};
	static const char *const dotnet[] = {"NullReferenceException",
					     "IndexOutOfRangeException",
					     "ArgumentNullException",
					     "HttpCompileException",
					     "HttpParseException",
					     "HttpUnhandledException",
					     "HttpRequestValidationException",
					     "ViewStateException",
					     "InvalidCastException",
					     "DbUpdateException",
					     "AggregateException",
					     NULL};
	static const char *const php[] = {"PDOException", "mysqli_sql_exception", "ErrorException",
					  "BadMethodCallException", NULL};

	for (uint32_t i = 0; java[i]; i++) {
		if (span_eq(name, span_make(java[i], strlen(java[i]))))
			return MARK_JAVA;
	}
	for (uint32_t i = 0; dotnet[i]; i++) {
		if (span_eq(name, span_make(dotnet[i], strlen(dotnet[i]))))
			return MARK_DOTNET;
	}
	for (uint32_t i = 0; php[i]; i++) {
		if (span_eq(name, span_make(php[i], strlen(php[i]))))
			return MARK_PHP;
	}
	return -1;
}

// java.io.IOException, System.NullReferenceException, Symfony\\Component\\…\\NotFoundException
int mark_exception(struct span before, enum mark_product)
{
	struct span s = before, class = take_name(&s), first = {0}, part;
	uint32_t parts = 0;
	bool lower = true;
	uint8_t sign;

	if (class.len == 0 || !is_upper(class.p[0]) || s.len == 0)
		return bare_exception(class);
	sign = s.p[s.len - 1];
	if (sign != '.' && sign != '\\')
		return bare_exception(class);
	while (s.len && s.p[s.len - 1] == sign) {
		while (s.len && s.p[s.len - 1] == sign) // a backslash may be doubled by JSON
			s.len--;
		part = take_name(&s);
		if (part.len == 0)
			break;
		lower &= is_lower(part.p[0]);
		first = part;
		parts++;
	}
	if (sign == '\\')
		return parts && is_upper(first.p[0]) ? MARK_PHP : bare_exception(class);
	if (lower && parts >= 2)
		return MARK_JAVA;
	if (parts &&
	    (span_eq(first, span_make("System", 6)) || span_eq(first, span_make("Microsoft", 9))))
		return MARK_DOTNET;
	return bare_exception(class);
}
