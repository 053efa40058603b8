/* SPDX-License-Identifier: BSD-2-Clause */
/* Accepting memory on a fake module that remembers every page it was asked for, and the map for Linux. */
#include "boot/tdshim/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot/tdshim/report.h"
#include "boot/tdshim/tdcall.h"
#include "tests/unit/test.h"

static struct {
	u64 next;	/* where the next page must start: accepting is ascending and without gaps */
	u64 calls, large, small;
	bool in_order;
	u64 small_at;	/* this 2 MiB block is backed by small pages */
	u64 busy_at;	/* this page answers busy three times */
	u32 busy_left;
	u64 bad_at, bad_status;	/* this page answers @bad_status */
	jmp_buf refused;
	char sentence[128];
} module;

static struct handoff handoff;
static struct e820_entry map[E820_MAX];

#define NOWHERE (~0ull)

u64 tdg_mem_page_accept(gpa_t gpa, enum tdx_level level)
{
	u64 bytes = level == TDX_LEVEL_2M ? PAGE_SIZE_2M : PAGE_SIZE;

	module.calls++;
	if (gpa.raw == module.busy_at && module.busy_left > 0) {
		module.busy_left--;
		return TDX_OPERAND_BUSY | 1;
	}
	if (gpa.raw == module.bad_at)
		return module.bad_status;
	if (level == TDX_LEVEL_2M && gpa.raw == module.small_at)
		return TDX_PAGE_SIZE_MISMATCH | 1;
	module.in_order = module.in_order && gpa.raw == module.next && IS_ALIGNED(gpa.raw, bytes);
	module.next = gpa.raw + bytes;
	if (level == TDX_LEVEL_2M)
		module.large++;
	else
		module.small++;
	return 0;
}

void shim_refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(module.sentence, sizeof(module.sentence), format, args);
	va_end(args);
	longjmp(module.refused, 1);
}

static void reset(u64 start, u64 end)
{
	memset(&module, 0, sizeof(module));
	memset(&handoff, 0, sizeof(handoff));
	module.in_order = true;
	module.next = start;
	module.small_at = module.busy_at = module.bad_at = NOWHERE;
	handoff.unaccepted_count = 1;
	handoff.unaccepted[0] = (struct handoff_range){ start, end - start };
}

static u64 accept(void)
{
	return setjmp(module.refused) ? NOWHERE : memory_accept(&handoff);
}

static void check_accepted(u64 start, u64 end, u64 large, u64 small)
{
	reset(start, end);
	CHECK_EQ(accept(), end - start);
	CHECK(module.in_order);
	CHECK_EQ(module.next, end);
	CHECK_EQ(module.large, large);
	CHECK_EQ(module.small, small);
}

TEST(aligned_ranges_are_accepted_in_large_pages)
{
	check_accepted(MIB(2), MIB(64), 31, 0);
	check_accepted(GUEST_HIGH_RAM_BASE, GIB(6), 1024, 0);
}

TEST(ends_that_are_not_aligned_take_small_pages)
{
	check_accepted(MIB(2) - PAGE_SIZE, MIB(4) + PAGE_SIZE, 1, 2);
	check_accepted(TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES, MIB(64), 27,
		       (MIB(10) - TDSHIM_HOB_BASE - TDSHIM_HOB_BYTES) / PAGE_SIZE);
}

TEST(ranges_inside_one_large_page_take_small_pages_only)
{
	check_accepted(0, TDSHIM_TEMP_BASE, 0, 16);
	check_accepted(MIB(2) + PAGE_SIZE, MIB(4) - PAGE_SIZE, 0, 510);
	check_accepted(MIB(4) - PAGE_SIZE, MIB(4), 0, 1);
	check_accepted(MIB(4), MIB(4) + PAGE_SIZE, 0, 1);
	check_accepted(MIB(4) - PAGE_SIZE, MIB(4) + PAGE_SIZE, 0, 2);
}

TEST(a_large_page_backed_by_small_ones_is_accepted_page_by_page)
{
	reset(MIB(2), MIB(8));
	module.small_at = MIB(4);
	CHECK_EQ(accept(), MIB(6));
	CHECK(module.in_order);
	CHECK_EQ(module.large, 2);
	CHECK_EQ(module.small, 512);
}

TEST(busy_pages_are_asked_for_again)
{
	reset(MIB(2), MIB(4) + PAGE_SIZE);
	module.busy_at = MIB(4);
	module.busy_left = 3;
	CHECK_EQ(accept(), MIB(2) + PAGE_SIZE);
	CHECK_EQ(module.calls, 5);
}

/* Content that the host chose: accepted before, but not by us. */
TEST(a_page_that_was_accepted_before_ends_the_td)
{
	reset(MIB(2), MIB(4));
	module.bad_at = MIB(2);
	module.bad_status = TDX_PAGE_ALREADY_ACCEPTED;
	CHECK_EQ(accept(), NOWHERE);
	CHECK_STR(module.sentence, "2 MiB at 0x200000 cannot be accepted: status 0xb0a00000000");
	reset(MIB(2), MIB(4));
	module.small_at = MIB(2);
	module.bad_at = MIB(2) + 5 * PAGE_SIZE;
	module.bad_status = TDX_PAGE_ALREADY_ACCEPTED;
	CHECK_EQ(accept(), NOWHERE);
	CHECK_STR(module.sentence, "page 0x205000 cannot be accepted: status 0xb0a00000000");
	CHECK_EQ(module.small, 5);
}

TEST(linux_gets_ram_below_and_above_the_device_range)
{
	u64 ram = 0;
	u32 count;

	reset(TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES, GUEST_LOW_RAM_MAX);
	handoff.low_ram_end = GUEST_LOW_RAM_MAX;
	handoff.unaccepted[handoff.unaccepted_count++] = (struct handoff_range){ GUEST_HIGH_RAM_BASE, GIB(2) };
	count = memory_e820(&handoff, map);
	for (u32 i = 0; i < count; i++) {
		CHECK(i == 0 || map[i].start >= map[i - 1].start + map[i - 1].bytes);
		if (map[i].type == E820_RAM)
			ram += map[i].bytes;
		if (map[i].type == E820_RAM && map[i].start < GUEST_HIGH_RAM_BASE)
			CHECK(map[i].start + map[i].bytes <= GUEST_LOW_RAM_MAX);
	}
	CHECK_EQ(ram, TDSHIM_NVS_BASE + GUEST_LOW_RAM_MAX - MIB(1) + GIB(2));
	CHECK_EQ(map[1].start, TDSHIM_NVS_BASE);
	CHECK_EQ(map[1].type, E820_NVS);
}

TEST(the_map_for_linux_never_has_more_entries_than_it_takes)
{
	reset(0, 0);
	handoff.low_ram_end = MIB(64);
	handoff.unaccepted_count = HANDOFF_MAX_RANGES;
	for (u64 i = 0; i < HANDOFF_MAX_RANGES; i++)
		handoff.unaccepted[i] = (struct handoff_range){ GUEST_HIGH_RAM_BASE + i * MIB(4), MIB(2) };
	CHECK_EQ(memory_e820(&handoff, map), 6 + HANDOFF_MAX_RANGES);
	CHECK(6 + HANDOFF_MAX_RANGES <= E820_MAX);
}
