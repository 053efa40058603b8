/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte offsets of struct seamcall_regs and of the register array of TDH.VP.ENTER, for seamcall.S. seamcall.c asserts
 * that they are what the compiler uses.
 */
#ifndef TDX_SEAMCALL_OFFSETS_H
#define TDX_SEAMCALL_OFFSETS_H

#define REGS_RCX 0
#define REGS_RDX 8
#define REGS_R8 16
#define REGS_R9 24
#define REGS_R10 32
#define REGS_R11 40
#define REGS_R12 48
#define REGS_R13 56
#define REGS_R14 64
#define REGS_R15 72
#define REGS_RBX 80
#define REGS_RDI 88
#define REGS_RSI 96

#define GPRS_RAX 0
#define GPRS_RCX 8
#define GPRS_RDX 16
#define GPRS_RBX 24
#define GPRS_RSI 48
#define GPRS_RDI 56
#define GPRS_R8 64
#define GPRS_R9 72
#define GPRS_R10 80
#define GPRS_R11 88
#define GPRS_R12 96
#define GPRS_R13 104
#define GPRS_R14 112
#define GPRS_R15 120

#endif
