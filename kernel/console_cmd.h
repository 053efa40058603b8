/* SPDX-License-Identifier: BSD-2-Clause */
/* The console's own commands, about the machine and the kernel: help, mem, log, cores. */
#ifndef KERNEL_CONSOLE_CMD_H
#define KERNEL_CONSOLE_CMD_H

/** console_cmd_register() - add them; console_init() only */
void console_cmd_register(void);

#endif
