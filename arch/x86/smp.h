/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of the other cores. TRAMPOLINE_BASE: one page of the first MiB, which no allocator hands out. */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#define TRAMPOLINE_BASE 0x8000

#endif
