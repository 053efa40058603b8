/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printf into a buffer: %d %u %x %c %s %p %% with flags 0 - #, a width, l ll z, and a precision (also *) for %s. Other
 * conversions are copied as they stand. The text is always terminated; the result is the length it would have had.
 */
#ifndef KERNEL_LIB_FORMAT_H
#define KERNEL_LIB_FORMAT_H

#include <stdarg.h>

#include "include/cella/types.h"

int format_text(char *to, size_t to_bytes, const char *format, ...) __printf(3, 4);
int format_text_va(char *to, size_t to_bytes, const char *format, va_list args) __printf(3, 0);

#endif
