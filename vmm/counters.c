/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exit counters of a guest: exits by reason, TDVMCALLs by kind. They are the measure of what a guest costs, so they are
 * printed when it ends and by `td info`. Any task; no lock: a counter has one writer.
 */
#include "vmm/counters.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "vmm/run.h"

#define LINE_BYTES 112

struct kind {
	const char *name;
	size_t offset;	/* in struct guest_counters */
};

#define KIND(name, member) { name, offsetof(struct guest_counters, member) }
static const struct kind kinds[] = {
	KIND("CPUID", cpuid),		KIND("HLT", hlt),		KIND("port reads", io_in),
	KIND("port writes", io_out),	KIND("RDMSR", rdmsr),		KIND("WRMSR", wrmsr),
	KIND("MMIO reads", mmio_read),	KIND("MMIO writes", mmio_write), KIND("MapGPA", map_gpa),
	KIND("GetQuote", get_quote),	KIND("other", other),		KIND("refused", refused),
};

/* All members of struct guest_counters are u64. */
#define COUNTER_WORDS (sizeof(struct guest_counters) / sizeof(u64))

void counters_sum(const struct guest *guest, struct guest_counters *sum)
{
	u64 *to = (u64 *)(void *)sum;

	memset(sum, 0, sizeof(*sum));
	for (u32 i = 0; i < guest->vcpu_count; i++) {
		const u64 *from = (const u64 *)(const void *)&guest->vcpus[i].counters;

		for (u32 word = 0; word < COUNTER_WORDS; word++)
			to[word] += __atomic_load_n(&from[word], __ATOMIC_RELAXED);
	}
}

void counters_print(const struct guest *guest, void (*print)(const struct guest *guest, const char *line))
{
	struct guest_counters sum;
	char line[LINE_BYTES];

	counters_sum(guest, &sum);
	format_text(line, sizeof(line), "%lu exits, %lu of them TDVMCALLs", sum.exits, sum.tdvmcalls);
	print(guest, line);
	for (u32 reason = 0; reason < ARRAY_SIZE(sum.by_reason); reason++) {
		if (!sum.by_reason[reason])
			continue;
		format_text(line, sizeof(line), "  exit %2u %-28s %10lu", reason, run_exit_name(reason),
			    sum.by_reason[reason]);
		print(guest, line);
	}
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		u64 count = *(const u64 *)(const void *)((const char *)&sum + kinds[i].offset);

		if (!count)
			continue;
		format_text(line, sizeof(line), "  TDVMCALL %-26s %10lu", kinds[i].name, count);
		print(guest, line);
	}
}
