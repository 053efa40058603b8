/* SPDX-License-Identifier: BSD-2-Clause */
/* The few I/O ports of the host that exit: those that end the run, and COM1's data when it is watched. */
#ifndef TDXEMU_PORT_H
#define TDXEMU_PORT_H

#include "tests/tdxemu/cpu.h"

/** port_watch_console() - let characters to COM1 exit, for trace_console(). Before port_prepare() */
void port_watch_console(void);
/** port_prepare() - trap the power and reset ports. @pm1a_control: from the FADT, 0 if none. Boot core */
void port_prepare(u16 pm1a_control);
/** port_access() - exit reason 30 */
void port_access(struct emu_cpu *cpu);

#endif
