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
