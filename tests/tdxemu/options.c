/* SPDX-License-Identifier: BSD-2-Clause */
/* Command-line words. Pure functions on text; boot core. */
#include "tests/tdxemu/options.h"

#include "kernel/lib/string.h"

bool option_value(const char *cmdline, const char *name, char value[OPTION_BYTES])
{
	size_t name_length = strlen(name);
	const char *word = cmdline;

	while (*word != '\0') {
		const char *end = word;

		while (*end != '\0' && *end != ' ')
			end++;
		if ((size_t)(end - word) > name_length && strncmp(word, name, name_length) == 0 &&
		    word[name_length] == '=') {
			size_t length = (size_t)(end - word) - name_length - 1;

			if (length >= OPTION_BYTES)
				return false;
			memcpy(value, word + name_length + 1, length);
			value[length] = '\0';
			return true;
		}
		word = *end == '\0' ? end : end + 1;
	}
	return false;
}

char *option_next(char **list, char separator)
{
	char *piece = *list;
	char *end;

	if (piece == NULL || *piece == '\0')
		return NULL;
	end = strchr(piece, separator);
	if (end == NULL) {
		*list = piece + strlen(piece);
	} else {
		*end = '\0';
		*list = end + 1;
	}
	return piece;
}

/* Value of a digit, or 16 for a character that is none. */
static u64 digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (u64)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (u64)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (u64)(c - 'A') + 10;
	return 16;
}

bool option_number(const char *text, u64 *value)
{
	u64 base = 10;
	u64 result = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return false;
	for (; *text; text++) {
		u64 digit = digit_value(*text);

		if (digit >= base || __builtin_mul_overflow(result, base, &result) ||
		    __builtin_add_overflow(result, digit, &result))
			return false;
	}
	*value = result;
	return true;
}
