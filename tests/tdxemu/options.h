/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of our command line: "name=value" separated by blanks. */
#ifndef TDXEMU_OPTIONS_H
#define TDXEMU_OPTIONS_H

#include "include/cella/types.h"

#define OPTION_BYTES 512

/** option_value() - copy the value of the first "name=" word; false: no such word, or its value is cut */
bool option_value(const char *cmdline, const char *name, char value[OPTION_BYTES]);
/**
 * option_next() - take the next piece of @list up to @separator
 * Ends it with NUL in place and advances *list behind it. NULL: nothing left.
 */
char *option_next(char **list, char separator);
/** option_number() - decimal, or hexadecimal after 0x; the whole text must be a number */
bool option_number(const char *text, u64 *value);

#endif
