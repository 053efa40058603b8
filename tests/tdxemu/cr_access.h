/* SPDX-License-Identifier: BSD-2-Clause */
/* MOV to CR0 and CR4 by the host when it changes NE or VMXE, the two bits that are not its own. */
#ifndef TDXEMU_CR_ACCESS_H
#define TDXEMU_CR_ACCESS_H

#include "tests/tdxemu/cpu.h"

/** cr_access() - exit reason 28 */
void cr_access(struct emu_cpu *cpu);

#endif
