/* SPDX-License-Identifier: BSD-2-Clause */
/* COM1, for the greeting and for the last words. The host owns the port in between and sets it up again. */
#ifndef TDXEMU_SERIAL_H
#define TDXEMU_SERIAL_H

/** serial_line() - @prefix, @text and a line end, 115200 8N1, polled with a bound: a missing port costs little */
void serial_line(const char *prefix, const char *text);

#endif
