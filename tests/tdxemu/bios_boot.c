/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's boot path above us, from the drive that boot= names: hd0, hd1, ... or fd0, ...
 *
 * GRUB leaves the BIOS as it was: vectors, data area, interrupt controllers. A stub at the top of conventional memory
 * (bios_stub.S) is all that is added. It answers INT 15h's questions about memory from a table made here, in which our
 * range and the stub are reserved, and passes all else on; then it starts the drive's boot sector. Conventional memory
 * shrinks by the stub, as for any BIOS extension, so that nobody else takes it.
 * The ACPI tables are the firmware's. A reset of the machine ends this boot path with everything in it: the firmware
 * starts again, and so does whatever GRUB starts then; a triple fault ends the run (vmexit.c).
 * Callers: boot core, before the host runs.
 * Manual: ACPI, "INT 15H, E820H - Query System Address Map"; BIOS Boot Specification, "INT 19h".
 */
#include "tests/tdxemu/bios_boot.h"

#include "include/spec/bios.h"
#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/host_map.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/options.h"
#include "tests/tdxemu/verdict.h"

#define LOWEST_STUB KIB(512)
#define DRIVE_NAME_LENGTH 3	/* "hd0" */

struct bios_stub {
	u32 old_int15;	/* offset, segment */
	u8 drive;
	u8 reserved0;
	u16 range_count;
	u16 kib_to_16m;
	u16 blocks_above_16m;	/* of 64 KiB */
	u16 extended_kib;
	u16 reserved1;
	struct bios_memory_entry ranges[BIOS_STUB_MAX_RANGES];
	u8 code[];
};
_Static_assert(offsetof(struct bios_stub, old_int15) == BIOS_STUB_OLD_INT15, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, drive) == BIOS_STUB_DRIVE, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, range_count) == BIOS_STUB_RANGE_COUNT, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, kib_to_16m) == BIOS_STUB_KIB_TO_16M, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, blocks_above_16m) == BIOS_STUB_64KIB_ABOVE_16M, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, extended_kib) == BIOS_STUB_EXTENDED_KIB, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, ranges) == BIOS_STUB_RANGES, "bios_stub.S");
_Static_assert(offsetof(struct bios_stub, code) == BIOS_STUB_CODE, "bios_stub.S");

/* From bios_stub.S: the first byte is where the boot path starts. */
extern u8 bios_stub_code[], bios_stub_int15[], bios_stub_end[];
extern u8 bios_low_memory[];	/* from tdxemu.ld: address 0, where the vectors and the data area are */

static u8 boot_drive;

bool bios_boot_wanted(const char *cmdline)
{
	char name[OPTION_BYTES];

	if (!option_value(cmdline, "boot", name))
		return false;
	if (strlen(name) != DRIVE_NAME_LENGTH || (name[0] != 'h' && name[0] != 'f') || name[1] != 'd' ||
	    name[2] < '0' || name[2] > '9')
		verdict_stop("boot=%s names no drive; hd0 is the first hard disk, fd0 the first floppy", name);
	boot_drive = (u8)((name[0] == 'h' ? BIOS_FIRST_HARD_DISK : BIOS_FIRST_FLOPPY) + name[2] - '0');
	return true;
}

/* A place below the end of conventional memory (E820's may be lower than INT 12h's), which ends there from now on. */
static struct bios_stub *take_low_memory(const struct host_map *map)
{
	u16 kib;
	u64 base;

	memcpy(&kib, bios_low_memory + BIOS_DATA_MEMORY_KIB, sizeof(kib));
	base = ALIGN_DOWN(MIN(KIB(kib), host_map_ram_from(map, 0)) - BIOS_STUB_BYTES, KIB(1));
	if (base < LOWEST_STUB || base > KIB(kib))
		verdict_stop("boot=: %u KiB of conventional memory, but no room for the stub at its end", kib);
	kib = (u16)(base / KIB(1));
	memcpy(bios_low_memory + BIOS_DATA_MEMORY_KIB, &kib, sizeof(kib));
	return phys(base);
}

static void fill_memory_answers(struct bios_stub *stub, const struct host_map *map)
{
	u64 extended = host_map_ram_from(map, MIB(1));

	if (map->count > BIOS_STUB_MAX_RANGES)
		verdict_stop("boot=: the memory map has more than %u ranges", BIOS_STUB_MAX_RANGES);
	stub->range_count = (u16)map->count;
	for (u32 i = 0; i < map->count; i++)
		stub->ranges[i] = (struct bios_memory_entry){ .base = map->ranges[i].base,
							      .bytes = map->ranges[i].bytes,
							      .type = map->ranges[i].type };
	stub->kib_to_16m = (u16)(MIN(extended, MIB(15)) / KIB(1));
	stub->blocks_above_16m = (u16)(MIN(host_map_ram_from(map, MIB(16)), GIB(4) - MIB(16)) / KIB(64));
	stub->extended_kib = (u16)MIN(extended / KIB(1), BIOS_SYSTEM_EXTENDED_KIB_MAX);
}

static u16 offset_of(const u8 *label)
{
	return (u16)(BIOS_STUB_CODE + (label - bios_stub_code));
}

void bios_boot_enter(struct emu_cpu *cpu)
{
	struct host_map *map = memory_host_map();
	struct bios_stub *stub = take_low_memory(map);
	u32 *vector = (u32 *)(void *)(bios_low_memory + BIOS_INT_SYSTEM * BIOS_VECTOR_BYTES);
	u16 segment = (u16)((u64)stub >> 4);

	if (!host_map_reserve(map, (u64)stub, BIOS_STUB_BYTES))
		verdict_stop("boot=: the memory map has no room for the stub's range");
	memset(stub, 0, BIOS_STUB_BYTES);
	fill_memory_answers(stub, map);
	memcpy(stub->code, bios_stub_code, (size_t)(bios_stub_end - bios_stub_code));
	stub->drive = boot_drive;
	stub->old_int15 = *vector;
	*vector = (u32)segment << 16 | offset_of(bios_stub_int15);
	verdict_note("boot path restarted from drive 0x%x; stub at 0x%lx, %u ranges in E820", boot_drive, (u64)stub,
		     map->count);
	l1_enter_at_real_mode(cpu, segment, offset_of(bios_stub_code));
}
