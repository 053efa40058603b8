/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contract between vmm/ and boot/tdshim: guest platform, image layout, hand-off.
 *
 * tdshim treats everything in the hand-off as hostile; only the constants of this file are measured (they are compiled in).
 * Path: guest-boot reference, "Path D".
 *
 *   0x00010000-0x0001ffff  TempMem section: stacks and scratch (private, zero)
 *   0x00080000-0x0009ffff  what tdshim leaves behind: ACPI tables, mailbox, AP loop, CC event log (e820 type 4)
 *   0x00809000-0x0080cfff  TD_HOB section: the hand-off, written by the host, not measured into MRTD
 *   0x01000000             kernel (protected-mode part)
 *   end of low RAM         initrd, downwards
 *   0xc0000000-0xdfffffff  PCI memory window
 *   0xe0000000-0xe00fffff  ECAM, bus 0
 *   0xffff0000-0xffffffff  tdshim itself
 *   0x4000000000           payload window: kernel, initrd, command line in SHARED memory, read-only for the guest
 */
#ifndef CELLA_TDSHIM_H
#define CELLA_TDSHIM_H

#define TDSHIM_IMAGE_BASE 0xffff0000
#define TDSHIM_IMAGE_BYTES 0x10000
#define TDSHIM_TEMP_BASE 0x10000
#define TDSHIM_TEMP_BYTES 0x10000
#define TDSHIM_HOB_BASE 0x809000
#define TDSHIM_HOB_BYTES 0x4000
#define TDSHIM_NVS_BASE 0x80000
#define TDSHIM_NVS_BYTES 0x20000
#define TDSHIM_KERNEL_BASE 0x1000000

#define GUEST_LOW_RAM_MAX 0x80000000	/* RAM below 4 GiB ends here at the latest; the rest starts at 4 GiB */
#define GUEST_RAM_MIN 0x4000000	/* 64 MiB */
#define GUEST_HIGH_RAM_BASE 0x100000000
#define GUEST_PCI_WINDOW_BASE 0xc0000000
#define GUEST_PCI_WINDOW_BYTES 0x20000000
#define GUEST_ECAM_BASE 0xe0000000
#define GUEST_ECAM_BYTES 0x100000
#define GUEST_LAPIC_BASE 0xfee00000
#define GUEST_PAYLOAD_WINDOW 0x4000000000
#define GUEST_PAYLOAD_MAX 0x40000000	/* bytes of the window */

#define GUEST_PORT_RESET 0x604	/* write 1: reset (ends the TD) */
#define GUEST_PORT_SLEEP_CONTROL 0x605	/* ACPI sleep control: (type << 2) | 0x20 */
#define GUEST_PORT_SLEEP_STATUS 0x606
#define GUEST_RESET_VALUE 1
#define GUEST_S5_TYPE 5

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

/* GUID extension HOB with the payload; other firmware ignores it. {c3b1a8de-5b0f-4f62-9a0c-7d2c1fe0a64b} */
#define TDSHIM_PAYLOAD_GUID \
	{ 0xde, 0xa8, 0xb1, 0xc3, 0x0f, 0x5b, 0x62, 0x4f, 0x9a, 0x0c, 0x7d, 0x2c, 0x1f, 0xe0, 0xa6, 0x4b }
#define TDSHIM_PAYLOAD_VERSION 1

struct tdshim_payload {
	u32 version;
	u32 vcpus;	/* for a comparison with TDG.VP.INFO */
	u64 kernel_gpa, kernel_bytes;	/* GPAs without the SHARED bit, inside the payload window, 4 KiB aligned */
	u64 initrd_gpa, initrd_bytes;	/* bytes 0: none */
	u64 cmdline_gpa, cmdline_bytes;	/* without a terminating NUL; bytes 0: empty */
};
#endif

#endif
