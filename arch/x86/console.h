/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial port behind arch_console_putc(): polled, usable from the start and in panic. */
#ifndef ARCH_X86_CONSOLE_H
#define ARCH_X86_CONSOLE_H

#include "include/cella/types.h"

/** console_use_port() - the firmware names another 16550 (SPCR) */
void console_use_port(u16 port);
/** console_port() - the port in use, 0: no UART answered */
u16 console_port(void);

#endif
