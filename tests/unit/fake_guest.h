/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device models stand on, for unit tests and fuzzing: a guest with a little RAM, page by page shared or
 * private, a terminal and an interrupt controller that remember, and locks that notice when they are taken twice, or
 * held where a task may wait.
 */
#ifndef TESTS_UNIT_FAKE_GUEST_H
#define TESTS_UNIT_FAKE_GUEST_H

#include "include/cella/types.h"
#include "vmm/guest.h"

#define FAKE_RAM_BYTES 0x40000u
#define FAKE_OUTPUT_BYTES 0x40000u
#define FAKE_MAX_MESSAGES 64

struct fake_devices {
	struct guest guest;
	struct guest_config config;
	u8 ram[FAKE_RAM_BYTES] __aligned(PAGE_SIZE);	/* GPA 0 */
	bool is_private[FAKE_RAM_BYTES / PAGE_SIZE];
	char output[FAKE_OUTPUT_BYTES];
	u64 output_bytes;	/* all there was; only the first FAKE_OUTPUT_BYTES are kept */
	void (*on_output)(void);	/* runs inside each call of the terminal: what other vCPUs do meanwhile */
	struct {
		u64 address;
		u32 data;
	} messages[FAKE_MAX_MESSAGES];
	u32 message_count;
	enum guest_end end;
	u64 now_ns, wall_clock;
	s64 pages;	/* allocated now */
	bool no_memory;	/* page_zalloc() refuses */
	u32 locks_held;
	u32 polls;	/* sched_poll() */
	u32 logged;	/* lines */
	char log[256];	/* last one */
	u64 loads;	/* accesses to guest memory */
	void (*on_load)(gpa_t gpa);	/* runs before guest memory is read: what a guest changes meanwhile */
};

extern struct fake_devices fake;

/** fake_reset() - a guest without platform, all RAM shared and zero, nothing remembered */
void fake_reset(void);
/** ram_put(), ram_get() - little-endian integer of @bytes in the guest's RAM */
void ram_put(u64 gpa, u64 value, u32 bytes);
u64 ram_get(u64 gpa, u32 bytes);
/** Accesses as a vCPU's TDVMCALL makes them; none may leave a lock behind */
u64 port_read(u64 port, u32 bytes);
void port_write(u64 port, u32 bytes, u64 value);
u64 mmio_read(u64 gpa, u32 bytes);
void mmio_write(u64 gpa, u32 bytes, u64 value);
/** ecam_read(), ecam_write() - configuration register of 00:slot.0 */
u32 ecam_read(u32 slot, u32 offset, u32 bytes);
void ecam_write(u32 slot, u32 offset, u32 bytes, u32 value);

#endif
