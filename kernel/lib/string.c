/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C string functions, in plain C with general registers only.
 *
 * Copies and fills go eight bytes at a time where they can; x86 takes unaligned words. The Makefile compiles this file
 * with -fno-tree-loop-distribute-patterns: otherwise the compiler would turn the loop inside memcpy() into a call of
 * memcpy(). Pure functions, any core, any context. Standard: C11, "String handling <string.h>".
 */
#include "kernel/lib/string.h"

/* A word at any address, holding bytes of any type. */
struct word {
	u64 value;
} __attribute__((packed, may_alias));

#define WORD_BYTES sizeof(struct word)

static void copy_up(u8 *to, const u8 *from, size_t bytes)
{
	for (; bytes >= 4 * WORD_BYTES; bytes -= 4 * WORD_BYTES) {
		struct word *to_words = (struct word *)to;
		const struct word *words = (const struct word *)from;
		u64 a = words[0].value, b = words[1].value, c = words[2].value, d = words[3].value;

		to_words[0].value = a;
		to_words[1].value = b;
		to_words[2].value = c;
		to_words[3].value = d;
		to += 4 * WORD_BYTES;
		from += 4 * WORD_BYTES;
	}
	for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES) {
		((struct word *)to)->value = ((const struct word *)from)->value;
		to += WORD_BYTES;
		from += WORD_BYTES;
	}
	while (bytes--)
		*to++ = *from++;
}

static void copy_down(u8 *to, const u8 *from, size_t bytes)
{
	for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES)
		((struct word *)(to + bytes - WORD_BYTES))->value =
			((const struct word *)(from + bytes - WORD_BYTES))->value;
	for (; bytes; bytes--)
		to[bytes - 1] = from[bytes - 1];
}

void *memcpy(void *to, const void *from, size_t bytes)
{
	copy_up(to, from, bytes);
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	/* Upwards is right when @to lies below @from, or so far above it that the ranges do not meet. */
	if ((uintptr_t)to - (uintptr_t)from >= bytes)
		copy_up(to, from, bytes);
	else
		copy_down(to, from, bytes);
	return to;
}

void *memset(void *to, int value, size_t bytes)
{
	u64 pattern = (u8)value * 0x0101010101010101ull;
	u8 *at = to;

	for (; bytes >= 4 * WORD_BYTES; bytes -= 4 * WORD_BYTES) {
		struct word *words = (struct word *)at;

		words[0].value = pattern;
		words[1].value = pattern;
		words[2].value = pattern;
		words[3].value = pattern;
		at += 4 * WORD_BYTES;
	}
	for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES) {
		((struct word *)at)->value = pattern;
		at += WORD_BYTES;
	}
	while (bytes--)
		*at++ = (u8)value;
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const u8 *left = a;
	const u8 *right = b;

	for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES) {
		if (((const struct word *)left)->value != ((const struct word *)right)->value)
			break;
		left += WORD_BYTES;
		right += WORD_BYTES;
	}
	for (; bytes; bytes--, left++, right++) {
		if (*left != *right)
			return *left < *right ? -1 : 1;
	}
	return 0;
}

/* Has a word a zero byte? Exact as a yes-or-no answer (the borrow can only mark bytes above a true zero). */
static bool has_zero_byte(u64 word)
{
	return ((word - 0x0101010101010101ull) & ~word & 0x8080808080808080ull) != 0;
}

void *memchr(const void *in, int value, size_t bytes)
{
	u64 pattern = (u8)value * 0x0101010101010101ull;
	const u8 *at = in;

	for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES, at += WORD_BYTES) {
		if (has_zero_byte(((const struct word *)at)->value ^ pattern))
			break;
	}
	for (; bytes; bytes--, at++) {
		if (*at == (u8)value)
			return (void *)(uintptr_t)at;
	}
	return NULL;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)(u8)*a - (int)(u8)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit && *a && *a == *b; limit--) {
		a++;
		b++;
	}
	return limit ? (int)(u8)*a - (int)(u8)*b : 0;
}

char *strchr(const char *text, int c)
{
	for (;; text++) {
		if (*text == (char)c)
			return (char *)(uintptr_t)text;
		if (!*text)
			return NULL;
	}
}

char *strrchr(const char *text, int c)
{
	const char *last = NULL;

	for (;; text++) {
		if (*text == (char)c)
			last = text;
		if (!*text)
			return (char *)(uintptr_t)last;
	}
}

bool copy_text(char *to, const char *from, size_t to_bytes)
{
	size_t i = 0;

	if (!to_bytes)
		return false;
	for (; i + 1 < to_bytes && from[i]; i++)
		to[i] = from[i];
	to[i] = '\0';
	return !from[i];
}
