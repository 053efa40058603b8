/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs every registered test, or those whose file or name contains argv[1]. Prints each failing check as file:line,
 * then "N passed, N failed" alone on the last line; exit status 0 only if nothing failed and something ran.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static struct {
	struct test_case *first;
	struct test_case **end;
	const char *running;
	unsigned failed_checks;	/* in the running test */
} tests;

void test_register(struct test_case *test)
{
	if (!tests.end)
		tests.end = &tests.first;
	*tests.end = test;
	tests.end = &test->next;
}

static void fail_line(const char *file, int line)
{
	tests.failed_checks++;
	printf("%s:%d: %s: ", file, line, tests.running);
}

bool test_check(bool holds, const char *claim, const char *file, int line)
{
	if (!holds) {
		fail_line(file, line);
		printf("does not hold: %s\n", claim);
	}
	return holds;
}

bool test_check_eq(u64 a, u64 b, const char *a_text, const char *b_text, const char *file, int line)
{
	if (a != b) {
		fail_line(file, line);
		printf("%s is 0x%" PRIx64 " (%" PRId64 "), %s is 0x%" PRIx64 " (%" PRId64 ")\n", a_text, a, (s64)a,
		       b_text, b, (s64)b);
	}
	return a == b;
}

bool test_check_str(const char *a, const char *b, const char *a_text, const char *b_text, const char *file, int line)
{
	bool same = a && b && strcmp(a, b) == 0;

	if (!same) {
		fail_line(file, line);
		printf("%s is \"%s\", %s is \"%s\"\n", a_text, a ? a : "(null)", b_text, b ? b : "(null)");
	}
	return same;
}

bool test_check_mem(const void *a, const void *b, size_t bytes, const char *claim, const char *file, int line)
{
	const u8 *left = a;
	const u8 *right = b;
	size_t i;

	for (i = 0; i < bytes && left[i] == right[i]; i++)
		;
	if (i < bytes) {
		fail_line(file, line);
		printf("%s: byte %zu of %zu is 0x%02x, expected 0x%02x\n", claim, i, bytes, left[i], right[i]);
	}
	return i == bytes;
}

int main(int argc, char **argv)
{
	const char *filter = argc > 1 ? argv[1] : "";
	unsigned passed = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct test_case *test = tests.first; test; test = test->next) {
		if (!strstr(test->name, filter) && !strstr(test->file, filter))
			continue;
		tests.running = test->name;
		tests.failed_checks = 0;
		test->run();
		if (tests.failed_checks)
			failed++;
		else
			passed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
