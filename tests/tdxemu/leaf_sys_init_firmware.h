/* SPDX-License-Identifier: BSD-2-Clause */
/* What TDH.SYS.INIT checks of firmware's work: memory encryption, KeyIDs, CMRs, SMRRs, SEAM, signature structure. */
#ifndef TDXEMU_LEAF_SYS_INIT_FIRMWARE_H
#define TDXEMU_LEAF_SYS_INIT_FIRMWARE_H

#include "tests/tdxemu/cpu.h"

/** sys_init_check_firmware() - steps 8 to 12 of TDH.SYS.INIT on @cpu; global lock held */
u64 sys_init_check_firmware(const struct emu_cpu *cpu);

#endif
