/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel, initrd and command line of a guest: boot modules that the guest's firmware reads through the payload window,
 * in shared memory, read-only. Firmware copies, then measures.
 */
#ifndef VMM_PAYLOAD_H
#define VMM_PAYLOAD_H

#include "include/cella/tdshim.h"
#include "include/cella/types.h"
#include "vmm/config.h"
#include "vmm/refuse.h"

struct guest;


enum payload_file {
	PAYLOAD_KERNEL,
	PAYLOAD_INITRD,
	PAYLOAD_CMDLINE,
	PAYLOAD_FILES,
};

struct payload {
	struct tdshim_payload block;	/* version 0: the guest has no payload */
	void *tails[PAYLOAD_FILES];	/* host pages of our own: last partial page of a module; the command line */
};

/** payload_check_kernel() - is it a bzImage with a 64-bit entry? Pure. -EINVAL with a sentence in @error */
int __must_check payload_check_kernel(const void *file, u64 bytes, char error[REFUSAL_BYTES]);
/**
 * payload_map() - lay the files out in the payload window and map them read-only into the guest's shared EPT Keeper
 * task, shared EPT created. Nothing is done for a guest without a kernel. -EINVAL: the files do not fit; -ENOMEM. What
 * was mapped before a failure is payload_release()'s.
 */
int __must_check payload_map(struct guest *guest, char error[REFUSAL_BYTES]);
/** payload_release() - give the tail pages back; the guest no longer runs */
void payload_release(struct guest *guest);

#endif
