/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's EPT. Identity map by 2 MiB leaves, split into 4 KiB where a page is hidden or RAM and devices share 2 MiB,
 * and merged again when nothing is hidden any more. RAM is write-back, all else uncached. Address space above RAM is
 * mapped when first touched (devices there), address space with KeyID bits never.
 *
 * A hidden page is a not-present entry whose other bits (the CPU ignores them) say what the page is and how far its
 * release has come. The number of such entries in a 4 KiB table stands in bits 62:52 of the entry above it.
 *
 * Wrong accesses are answered through a stand-in page of the core, mapped for one instruction (monitor trap flag):
 * filled with ones, thrown away afterwards. Until the step is over other cores reach the stand-in as well instead of
 * being reported.
 * How a released page is cleared is clear_watch.c's business; the number of lines done is kept in the page's entry.
 *
 * Owner: this file, under view.lock. Callers: any core, interrupts off.
 * Manual: SDM volume 3, "The Extended Page Table Mechanism (EPT)"; erratum: tdx-host-system reference, "Partial write".
 */
#include "tests/tdxemu/host_view.h"

#include "include/spec/tdx/sept.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/clear_watch.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/spinlock.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define EPT_RWX (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define TABLE_COUNT_SHIFT 52	/* hidden entries in the table below, 0..512 */
#define TABLE_COUNT_MASK (0x7ffull << TABLE_COUNT_SHIFT)
#define TABLE_COUNT_ONE BIT(TABLE_COUNT_SHIFT)

/* A not-present entry of ours. */
#define HIDDEN_MARK BIT(8)
#define HIDDEN_KIND_SHIFT 12
#define HIDDEN_KIND_MASK (0xfull << HIDDEN_KIND_SHIFT)
#define HIDDEN_OWES_CLEAR BIT(16)	/* released; first access must be MOVDIR64B */
#define HIDDEN_OWES_WBINVD BIT(17)	/* released; PAGE.WBINVD has not come yet */
#define HIDDEN_LINE_SHIFT 18	/* released, watched: lines cleared so far */
#define HIDDEN_LINE_MASK (0x3full << HIDDEN_LINE_SHIFT)

/* Write-back is given to RAM only, so the entry alone tells what a page is. */
#define REACHABLE_RAM_MASK (EPT_RWX | 7ull << EPT_MEMTYPE_SHIFT)
#define REACHABLE_RAM (EPT_RWX | EPT_MEMTYPE_WB << EPT_MEMTYPE_SHIFT)

#define STAND_INS 4	/* pages one instruction may touch */

struct stand_in {
	u64 *entry;
	u64 hidden;	/* what the entry holds afterwards */
};

static struct {
	struct spinlock lock;
	u64 *root;
	u64 generation;	/* atomic */
	u64 *free_tables;	/* list through the first word */
	struct stand_in stand_ins[EMU_MAX_CPUS][STAND_INS];	/* (l) */
	u32 stand_in_count[EMU_MAX_CPUS];	/* (l) */
	void *stand_in_page[EMU_MAX_CPUS];	/* (l) */
	u32 stand_ins_active;	/* (l) on all cores: while there are any, no table is freed */
} view;

static const char *const kind_names[] = {
	[HIDDEN_SEAM] = "the SEAM range",
	[HIDDEN_PAMT] = "a PAMT page",
	[HIDDEN_TDR] = "a TDR",
	[HIDDEN_TDCX] = "a TDCX",
	[HIDDEN_TDVPR] = "a TDVPR",
	[HIDDEN_SEPT] = "a Secure EPT page",
	[HIDDEN_PRIVATE] = "TD private memory",
};

static enum hidden_as kind_of(u64 entry)
{
	return (enum hidden_as)((entry & HIDDEN_KIND_MASK) >> HIDDEN_KIND_SHIFT);
}

static bool is_hidden(u64 entry)
{
	return (entry & EPT_RWX) == 0 && (entry & HIDDEN_MARK) != 0;
}

/* ---- tables ---- */

static u64 *new_table(void)
{
	u64 *table = view.free_tables;

	if (table == NULL)
		return emu_pages(1);
	view.free_tables = phys(table[0]);
	memset(table, 0, PAGE_SIZE);
	return table;
}

static void free_table(u64 *table)
{
	table[0] = (u64)view.free_tables;
	view.free_tables = table;
}

static u64 *table_in(u64 entry)
{
	return phys(entry & EPT_ADDRESS_MASK);
}

static u64 memory_type(u64 hpa, u64 bytes)
{
	return memory_is_ram(hpa, bytes) ? EPT_MEMTYPE_WB << EPT_MEMTYPE_SHIFT : 0;
}

static u64 plain_4k(u64 hpa)
{
	return hpa | memory_type(hpa, PAGE_SIZE) | EPT_RWX;
}

static void split(u64 *entry, u64 base)
{
	u64 *table = new_table();
	u64 count = 0;

	for (u64 i = 0; i < EPT_ENTRIES; i++)
		table[i] = (*entry & EPT_RWX) != 0 ? plain_4k(base + i * PAGE_SIZE) : *entry;
	if (is_hidden(*entry))
		count = (u64)EPT_ENTRIES << TABLE_COUNT_SHIFT;
	*entry = (u64)table | EPT_RWX | count;
}

/* Map 2 MiB at @base plainly: one leaf, or a table where RAM and devices share them. */
static void fill_2m(u64 *entry, u64 base)
{
	*entry = base | memory_type(base, PAGE_SIZE_2M) | EPT_LEAF | EPT_RWX;
	if (!memory_is_ram(base, PAGE_SIZE_2M) && memory_touches_ram(base, PAGE_SIZE_2M))
		split(entry, base);
}

static u64 *next_table(u64 *entry)
{
	if ((*entry & EPT_RWX) == 0)
		*entry = (u64)new_table() | EPT_RWX;
	return table_in(*entry);
}

/* Entry of the 2 MiB around @gpa; tables above it are made. */
static u64 *entry_2m(u64 gpa)
{
	u64 *pdpt = next_table(&view.root[(gpa >> 39) % EPT_ENTRIES]);
	u64 *directory = next_table(&pdpt[(gpa >> 30) % EPT_ENTRIES]);

	return &directory[(gpa >> 21) % EPT_ENTRIES];
}

static bool is_table(u64 entry)
{
	return (entry & EPT_RWX) != 0 && (entry & EPT_LEAF) == 0;
}

/* Set one 4 KiB entry and keep the count above it; a table without hidden entries becomes a leaf again if it can. */
static void set_4k(u64 *above, u64 gpa, u64 value)
{
	u64 base = ALIGN_DOWN(gpa, PAGE_SIZE_2M);
	u64 *entry;

	if (!is_table(*above))
		split(above, base);
	entry = &table_in(*above)[(gpa >> PAGE_SHIFT) % EPT_ENTRIES];
	if (is_hidden(value) && !is_hidden(*entry))
		*above += TABLE_COUNT_ONE;
	else if (!is_hidden(value) && is_hidden(*entry))
		*above -= TABLE_COUNT_ONE;
	*entry = value;
	if ((*above & TABLE_COUNT_MASK) == 0 && view.stand_ins_active == 0 && memory_is_ram(base, PAGE_SIZE_2M)) {
		free_table(table_in(*above));
		fill_2m(above, base);
	}
}

/* What the walk for @gpa ends in; makes no tables. Zero: that address space was never touched. */
static u64 entry_value(u64 gpa)
{
	u64 entry = view.root[(gpa >> 39) % EPT_ENTRIES];

	for (u32 shift = 30; is_table(entry) && shift >= PAGE_SHIFT; shift -= 9)
		entry = table_in(entry)[(gpa >> shift) % EPT_ENTRIES];
	return entry;
}

static void invalidate(void)
{
	__atomic_fetch_add(&view.generation, 1, __ATOMIC_SEQ_CST);
}

void host_view_build(u64 ram_top)
{
	u64 top = MAX(ALIGN_UP(ram_top, GIB(1)), GIB(4));

	view.root = emu_pages(1);
	for (u64 base = 0; base < top; base += PAGE_SIZE_2M)
		fill_2m(entry_2m(base), base);
	for (u32 i = 0; i < emu_cpu_count(); i++)
		view.stand_in_page[i] = emu_pages(1);
	host_view_hide(EMU_BASE, EMU_BYTES, HIDDEN_SEAM);
}

u64 host_view_eptp(void)
{
	return (u64)view.root | VMX_EPTP_WALK_4 | VMX_EPTP_MEMTYPE_WB;
}

u64 host_view_generation(void)
{
	return __atomic_load_n(&view.generation, __ATOMIC_SEQ_CST);
}

/* ---- what the module does ---- */

/* A page that changes keys again with lines of the old key in the caches: one report per range. */
static void check_debts(u64 hpa, u64 bytes)
{
	for (u64 page = hpa; page < hpa + bytes; page += PAGE_SIZE) {
		u64 value = entry_value(page);

		if (is_hidden(value) && (value & HIDDEN_OWES_WBINVD) != 0) {
			verdict_violation(NULL, "missing-wbinvd", "page 0x%lx was given to the module again without "
					  "TDH.PHYMEM.PAGE.WBINVD after it was %s", page, kind_names[kind_of(value)]);
			return;
		}
	}
}

/* A reachable page that was released and of which the host left a line as it was: one report per range. */
static void check_cleared(u64 hpa, u64 bytes)
{
	for (u64 page = hpa; page < hpa + bytes; page += PAGE_SIZE) {
		u64 line;

		if ((entry_value(page) & REACHABLE_RAM_MASK) != REACHABLE_RAM)
			continue;
		line = clear_untouched_line(phys(page));
		if (line != PAGE_SIZE) {
			verdict_violation(NULL, "partly-cleared", "page 0x%lx was given to the module again with its "
					  "line at 0x%lx as the key change left it", page, line);
			return;
		}
	}
}

/* Give every page of the range the not-present value @hidden. */
static void set_hidden(u64 hpa, u64 bytes, u64 hidden)
{
	u64 end = hpa + bytes;

	while (hpa < end) {
		u64 *above = entry_2m(hpa);

		if (IS_ALIGNED(hpa, PAGE_SIZE_2M) && end - hpa >= PAGE_SIZE_2M) {
			if (is_table(*above) && view.stand_ins_active == 0)
				free_table(table_in(*above));
			*above = hidden;
			hpa += PAGE_SIZE_2M;
		} else {
			set_4k(above, hpa, hidden);
			hpa += PAGE_SIZE;
		}
	}
}

void host_view_hide(u64 hpa, u64 bytes, enum hidden_as kind)
{
	spin_lock(&view.lock);
	check_debts(hpa, bytes);
	check_cleared(hpa, bytes);
	set_hidden(hpa, bytes, HIDDEN_MARK | (u64)kind << HIDDEN_KIND_SHIFT);
	invalidate();
	spin_unlock(&view.lock);
}

static void make_reachable(u64 hpa)
{
	set_4k(entry_2m(hpa), hpa, plain_4k(hpa));
}

void host_view_release(u64 hpa, u64 bytes, enum release_rule rule)
{
	u64 debts = rule == RELEASE_WBINVD_CLEAR ? HIDDEN_OWES_CLEAR | HIDDEN_OWES_WBINVD : HIDDEN_OWES_CLEAR;
	u64 kind;

	spin_lock(&view.lock);
	kind = entry_value(hpa) & HIDDEN_KIND_MASK;
	if (rule == RELEASE_AS_IS)
		for (u64 page = hpa; page < hpa + bytes; page += PAGE_SIZE)
			make_reachable(page);
	else
		set_hidden(hpa, bytes, HIDDEN_MARK | kind | debts);
	spin_unlock(&view.lock);
}

void host_view_written_back(u64 hpa, u16 hkid)
{
	u64 value;

	if (!hkid_is_private(hkid))
		return;
	spin_lock(&view.lock);
	value = entry_value(hpa);
	if (is_hidden(value) && (value & HIDDEN_OWES_WBINVD) != 0)
		set_4k(entry_2m(hpa), hpa, value & ~HIDDEN_OWES_WBINVD);
	spin_unlock(&view.lock);
}

bool host_view_is_shared(u64 hpa, u64 bytes)
{
	bool shared = true;

	if (bytes == 0 || hpa + bytes < hpa || (hpa + bytes - 1) >> PLATFORM_KEYID_SHIFT != 0)
		return false;
	spin_lock(&view.lock);
	for (u64 page = ALIGN_DOWN(hpa, PAGE_SIZE); page < hpa + bytes && shared; page += PAGE_SIZE)
		shared = (entry_value(page) & REACHABLE_RAM_MASK) == REACHABLE_RAM;
	spin_unlock(&view.lock);
	return shared;
}

/* ---- what the host does ---- */

/*
 * MOVDIR64B: 66 [REX] 0F 38 F8, with other legacy prefixes in any order before; F2 and F3 make other instructions of
 * it.
 */
static bool at_movdir64b(void)
{
	u8 code[L1_MAX_INSTRUCTION_BYTES];
	u32 length = l1_fetch(code, sizeof(code));
	bool operand_size = false;
	u32 at = 0;

	for (; at < length; at++) {
		if (code[at] == 0x66)
			operand_size = true;
		else if (code[at] != 0x67 && code[at] != 0x2e && code[at] != 0x36 && code[at] != 0x3e &&
			 code[at] != 0x26 && code[at] != 0x64 && code[at] != 0x65)
			break;
	}
	if (at < length && (code[at] & 0xf0) == 0x40)
		at++;
	return operand_size && length - at >= 3 && code[at] == 0x0f && code[at + 1] == 0x38 && code[at + 2] == 0xf8;
}

static const char *access_name(u64 qualification)
{
	if (qualification & VMX_EPT_QUAL_WRITE)
		return "writes";
	return (qualification & VMX_EPT_QUAL_FETCH) != 0 ? "executes" : "reads";
}

/* Map @page at @gpa for one instruction; then the entry becomes @after. */
static void map_for_step(struct emu_cpu *cpu, u64 gpa, void *page, u64 after)
{
	u32 *count = &view.stand_in_count[cpu->index];
	struct stand_in *used = &view.stand_ins[cpu->index][*count];
	u64 *above = entry_2m(gpa);

	if (*count == STAND_INS)
		verdict_stop("core %u: one instruction at 0x%lx touches more than %u hidden pages", cpu->index,
			     vmread(VMCS_GUEST_RIP), STAND_INS);
	if (!is_table(*above))
		split(above, ALIGN_DOWN(gpa, PAGE_SIZE_2M));
	used->entry = &table_in(*above)[(gpa >> PAGE_SHIFT) % EPT_ENTRIES];
	used->hidden = after;
	(*count)++;
	view.stand_ins_active++;
	*used->entry = (u64)page | EPT_MEMTYPE_WB << EPT_MEMTYPE_SHIFT | EPT_RWX;
	l1_step();
}

static void stand_in(struct emu_cpu *cpu, u64 gpa)
{
	void *page = view.stand_in_page[cpu->index];

	memset(page, 0xff, PAGE_SIZE);
	map_for_step(cpu, gpa, page, entry_value(gpa));
}

void host_view_stepped(struct emu_cpu *cpu)
{
	spin_lock(&view.lock);
	for (u32 i = 0; i < view.stand_in_count[cpu->index]; i++) {
		struct stand_in *used = &view.stand_ins[cpu->index][i];

		*used->entry = used->hidden;
	}
	view.stand_ins_active -= view.stand_in_count[cpu->index];
	view.stand_in_count[cpu->index] = 0;
	invalidate();
	spin_unlock(&view.lock);
	l1_step_done();
}

/* Access to a page that the module gave back: it becomes reachable, with or without a report, or is watched on. */
static void released_page(struct emu_cpu *cpu, u64 gpa, u64 entry, u64 qualification)
{
	u32 lines = (u32)((entry & HIDDEN_LINE_MASK) >> HIDDEN_LINE_SHIFT);
	bool movdir64b = (qualification & VMX_EPT_QUAL_WRITE) != 0 && at_movdir64b();
	u64 rip = vmread(VMCS_GUEST_RIP);
	u64 page = ALIGN_DOWN(gpa, PAGE_SIZE);
	u64 after = HIDDEN_MARK | (entry & HIDDEN_KIND_MASK) | HIDDEN_OWES_CLEAR;
	u32 lines_before = lines;
	enum clear_verdict verdict = clear_watch(gpa, movdir64b, &lines);

	if (verdict == CLEAR_BREACH)
		verdict_violation(cpu, "released-not-cleared",
				  "the host %s 0x%lx at RIP 0x%lx before it cleared the page with "
				  "MOVDIR64B, of which %u lines are done; the page was %s",
				  access_name(qualification), gpa, rip, lines, kind_names[kind_of(entry)]);
	if (entry & HIDDEN_OWES_WBINVD)
		verdict_violation(cpu, "missing-wbinvd",
				  "the host %s 0x%lx at RIP 0x%lx without TDH.PHYMEM.PAGE.WBINVD; the "
				  "page was %s",
				  access_name(qualification), gpa, rip, kind_names[kind_of(entry)]);
	spin_lock(&view.lock);
	if (entry_value(page) == entry) {	/* else another core was here first */
		if (lines_before == 0)
			clear_spoil(phys(page));
		if (verdict == CLEAR_STEP)
			map_for_step(cpu, gpa, phys(page), after | (u64)lines << HIDDEN_LINE_SHIFT);
		else
			make_reachable(page);
	}
	spin_unlock(&view.lock);
}

static void map_devices(u64 gpa)
{
	u64 base = ALIGN_DOWN(gpa, PAGE_SIZE_2M);

	fill_2m(entry_2m(base), base);
}

void host_view_violation(struct emu_cpu *cpu, u64 gpa, u64 qualification)
{
	u64 entry;

	spin_lock(&view.lock);
	entry = entry_value(gpa);
	if (gpa >> PLATFORM_KEYID_SHIFT != 0) {
		verdict_violation(cpu, "keyid-access", "the host %s 0x%lx with KeyID %lu at RIP 0x%lx",
				  access_name(qualification), (u64)(gpa & (BIT(PLATFORM_KEYID_SHIFT) - 1)),
				  gpa >> PLATFORM_KEYID_SHIFT, vmread(VMCS_GUEST_RIP));
		stand_in(cpu, gpa);
	} else if (entry == 0) {
		map_devices(gpa);
	} else if (is_hidden(entry) && (entry & HIDDEN_OWES_CLEAR) != 0) {
		spin_unlock(&view.lock);
		released_page(cpu, gpa, entry, qualification);
		return;
	} else if (is_hidden(entry)) {
		verdict_violation(cpu, "hidden-access", "the host %s 0x%lx (%s) at RIP 0x%lx",
				  access_name(qualification), gpa, kind_names[kind_of(entry)], vmread(VMCS_GUEST_RIP));
		stand_in(cpu, gpa);
	}
	/* else: another core made the page reachable in the meantime */
	spin_unlock(&view.lock);
}
