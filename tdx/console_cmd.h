/* SPDX-License-Identifier: BSD-2-Clause */
/* The console command `tdx`. */
#ifndef TDX_CONSOLE_CMD_H
#define TDX_CONSOLE_CMD_H

/** tdx_console_register() - once; further calls do nothing */
void tdx_console_register(void);

#endif
