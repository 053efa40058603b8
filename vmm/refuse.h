/* SPDX-License-Identifier: BSD-2-Clause */
/* The one sentence with which input from outside (configuration, firmware image, kernel) is refused. Pure; any core. */
#ifndef VMM_REFUSE_H
#define VMM_REFUSE_H

#include "include/cella/errno.h"
#include "kernel/lib/format.h"

#define REFUSAL_BYTES 240

/** refuse() - write the sentence to @error, REFUSAL_BYTES; always -EINVAL, so that callers can return it */
static inline int __printf(2, 3) refuse(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_text_va(error, REFUSAL_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

#endif
