/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests on the development machine. A test is a claim:
 *
 *	TEST(a_freed_page_is_found_again)
 *	{
 *		CHECK_EQ(page_alloc(...), 0);
 *	}
 *
 * TEST() registers itself; a failing CHECK prints file, line and both values and lets the test go on. Every test starts
 * from whatever state the one before it left: reset what you use first.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include "include/cella/types.h"

struct test_case {
	const char *name;
	const char *file;
	int line;
	void (*run)(void);
	struct test_case *next;
};

/** test_register() - called before main() by what TEST() expands to */
void test_register(struct test_case *test);
/** test_check*() - what the CHECK macros expand to; each returns whether the claim held */
bool test_check(bool holds, const char *claim, const char *file, int line);
bool test_check_eq(u64 a, u64 b, const char *a_text, const char *b_text, const char *file, int line);
bool test_check_str(const char *a, const char *b, const char *a_text, const char *b_text, const char *file, int line);
/** test_check_mem() - the same @bytes bytes at both places */
bool test_check_mem(const void *a, const void *b, size_t bytes, const char *claim, const char *file, int line);

#define TEST(test_name) \
	static void test_##test_name(void); \
	static struct test_case test_case_##test_name = { #test_name, __FILE__, __LINE__, test_##test_name, NULL }; \
	__attribute__((constructor)) static void test_add_##test_name(void) \
	{ \
		test_register(&test_case_##test_name); \
	} \
	static void test_##test_name(void)

#define CHECK(claim) test_check((claim), #claim, __FILE__, __LINE__)
#define CHECK_EQ(a, b) test_check_eq((u64)(a), (u64)(b), #a, #b, __FILE__, __LINE__)
#define CHECK_STR(a, b) test_check_str((a), (b), #a, #b, __FILE__, __LINE__)
#define CHECK_MEM(a, b, bytes) test_check_mem((a), (b), (bytes), #a " == " #b, __FILE__, __LINE__)

#endif
