/* SPDX-License-Identifier: BSD-2-Clause */
/* See report.h. Text goes to the host in clear, so it never contains payload data. */
#include "boot/tdshim/report.h"

#include "boot/tdshim/tdcall.h"
#include "kernel/lib/format.h"

#define COM1_DATA 0x3f8
#define LINE_BYTES 160

static void print_line(const char *line)
{
	for (const char *c = "tdshim: "; *c; c++)
		tdvmcall_port_write(COM1_DATA, (u8)*c);
	for (; *line; line++)
		tdvmcall_port_write(COM1_DATA, (u8)*line);
	tdvmcall_port_write(COM1_DATA, '\r');
	tdvmcall_port_write(COM1_DATA, '\n');
}

void shim_say(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	format_text_va(line, sizeof(line), format, args);
	va_end(args);
	print_line(line);
}

__noreturn void shim_refuse(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	format_text_va(line, sizeof(line), format, args);
	va_end(args);
	print_line(line);
	tdvmcall_fatal(line);
}
