/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's exits. */
#ifndef TDXEMU_VMEXIT_H
#define TDXEMU_VMEXIT_H

#include "tests/tdxemu/cpu.h"

/** vmexit_handle() - answer the exit in the current VMCS; on return the host can be entered again */
void vmexit_handle(struct emu_cpu *cpu);

#endif
