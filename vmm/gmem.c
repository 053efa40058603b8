/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory.
 *
 * RAM is [0, low) and [4 GiB, 4 GiB + high). A bit per 4 KiB page says which half of the address space it lives in.
 * Private pages come from the TD pool on first touch, by 2 MiB where nothing in the 2 MiB range is shared. A shared
 * page is a host page, allocated zeroed when the guest converts; the shared EPT is the only record of which one. A
 * guest can hold at most as many host pages as it has RAM, and the host keeps a reserve.
 *
 * Conversions of one guest run one at a time (`converting`), because they remove private pages and flush TLBs, for
 * which no lock may be held. `lock` guards the map: a device copies a page under it, and a page leaves the map before
 * it leaves the shared EPT and the books, so no copy can hit a page that somebody else got. Order: gmem.lock, then the
 * shared EPT's lock. A page that becomes shared leaves the private half last: a private access meanwhile finds it
 * marked and is refused.
 *
 * GHCI, "TDG.VP.VMCALL<MapGPA>"; TDX Module Base, "Secure EPT".
 */
#include "vmm/gmem.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/cella/tdshim.h"
#include "kernel/lib/string.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "tdx/sept.h"
#include "vmm/guest.h"

#define PAGES_PER_2M (PAGE_SIZE_2M / PAGE_SIZE)
#define BITS_PER_BYTE 8
#define BITS_PER_WORD 64
/* Pages of the host that conversions leave alone: stacks, EPT tables and other guests' devices need some. */
#define HOST_RESERVE_PAGES (MIB(8) / PAGE_SIZE)

int gmem_create(struct guest *guest)
{
	struct gmem *memory = &guest->memory;
	u64 bytes = guest->config->memory_bytes;

	memory->low_bytes = MIN(bytes, GUEST_LOW_RAM_MAX);
	memory->high_bytes = bytes - memory->low_bytes;
	memory->shared_map_pages = DIV_ROUND_UP(bytes / PAGE_SIZE / BITS_PER_BYTE, PAGE_SIZE);	/* a multiple of 2 MiB */
	memory->shared_map = page_zalloc(memory->shared_map_pages, PAGE_GUEST);
	return memory->shared_map ? 0 : -ENOMEM;
}

bool gmem_is_ram(const struct guest *guest, gpa_t gpa, u64 bytes)
{
	const struct gmem *memory = &guest->memory;
	u64 end = gpa.raw + bytes;

	if (end <= gpa.raw)
		return false;
	return end <= memory->low_bytes ||
	       (gpa.raw >= GUEST_HIGH_RAM_BASE && end <= GUEST_HIGH_RAM_BASE + memory->high_bytes);
}

/* Number of a RAM page in the map; low RAM first. Both parts are 2 MiB multiples, so 2 MiB ranges are whole words. */
static u64 page_number(const struct gmem *memory, u64 gpa)
{
	u64 offset = gpa < GUEST_HIGH_RAM_BASE ? gpa : gpa - GUEST_HIGH_RAM_BASE + memory->low_bytes;

	return offset / PAGE_SIZE;
}

static bool page_is_shared(const struct gmem *memory, u64 gpa)
{
	u64 number = page_number(memory, gpa);

	return memory->shared_map[number / BITS_PER_WORD] >> (number % BITS_PER_WORD) & 1;
}

static bool is_shared(struct gmem *memory, u64 gpa)
{
	bool shared;

	spin_lock(&memory->lock);
	shared = page_is_shared(memory, gpa);
	spin_unlock(&memory->lock);
	return shared;
}

static void mark_range(struct gmem *memory, u64 gpa, u64 bytes, enum gmem_half half)
{
	spin_lock(&memory->lock);
	for (u64 at = gpa; at < gpa + bytes; at += PAGE_SIZE) {
		u64 number = page_number(memory, at);

		if (page_is_shared(memory, at) == (half == GMEM_SHARED))
			continue;
		memory->shared_map[number / BITS_PER_WORD] ^= BIT(number % BITS_PER_WORD);
		memory->shared_pages += half == GMEM_SHARED ? 1 : -1ull;
	}
	spin_unlock(&memory->lock);
}

/* The 2 MiB range around @gpa is RAM and nothing in it is shared. */
static bool range_2m_is_private(struct guest *guest, u64 gpa)
{
	struct gmem *memory = &guest->memory;
	u64 base = ALIGN_DOWN(gpa, PAGE_SIZE_2M), number, any = 0;

	if (!gmem_is_ram(guest, GPA(base), PAGE_SIZE_2M))
		return false;
	number = page_number(memory, base);
	spin_lock(&memory->lock);
	for (u32 i = 0; i < PAGES_PER_2M / BITS_PER_WORD; i++)
		any |= memory->shared_map[number / BITS_PER_WORD + i];
	spin_unlock(&memory->lock);
	return !any;
}

/* ---- conversions ---- */

/* One conversion of a guest at a time; the others' tasks give the core away meanwhile. */
static void conversion_begin(struct gmem *memory)
{
	while (__atomic_exchange_n(&memory->converting, true, __ATOMIC_ACQUIRE))
		task_yield();
}

static void conversion_end(struct gmem *memory)
{
	__atomic_store_n(&memory->converting, false, __ATOMIC_RELEASE);
}

static bool host_can_spare(u64 pages)
{
	struct page_books books;

	page_books_read(&books);
	return books.pages[ZONE_HOST][PAGE_FREE] >= pages + HOST_RESERVE_PAGES;
}

/* Zeroed host pages behind [@gpa, @gpa + level's size) in the shared half; the map does not know them yet. */
static int back_shared(struct guest *guest, u64 gpa, enum tdx_level level)
{
	u64 bytes = level == TDX_LEVEL_2M ? PAGE_SIZE_2M : PAGE_SIZE;
	hpa_t hpa;
	int error;

	if (!host_can_spare(bytes / PAGE_SIZE))
		return -ENOMEM;
	error = page_alloc(ZONE_HOST, bytes / PAGE_SIZE, bytes, PAGE_GUEST_SHARED, PAGE_ANY_NODE, &hpa);
	if (error)
		return error;
	memset(hpa_to_hva(hpa), 0, bytes);
	error = shared_ept_map(&guest->shared_ept, GPA(gpa), hpa, level, SHARED_READ_WRITE);
	if (error)
		page_free(hpa, bytes / PAGE_SIZE, PAGE_GUEST_SHARED);
	return error;
}

/* The run of mapped pages from @gpa on whose HPAs follow each other; 0 pages: nothing is mapped at @gpa. */
static u64 contiguous_pages(struct guest *guest, u64 gpa, u64 bytes, hpa_t *start)
{
	u64 pages = 0;
	hpa_t hpa;

	while (pages * PAGE_SIZE < bytes && shared_ept_lookup(&guest->shared_ept, GPA(gpa + pages * PAGE_SIZE), &hpa)) {
		if (!pages)
			*start = hpa;
		else if (hpa.raw != start->raw + pages * PAGE_SIZE)
			break;
		pages++;
	}
	return pages;
}

/*
 * Undo back_shared() for pages that the map does not name (any more). The mapping, and every core's cached copy of it,
 * goes before the pages do. Fails only when part of a 2 MiB mapping goes and there is no page for the split table;
 * *@done bytes are gone then.
 */
static int unback_shared(struct guest *guest, u64 gpa, u64 bytes, u64 *done)
{
	*done = 0;
	while (*done < bytes) {
		hpa_t start = HPA(0);
		u64 pages = contiguous_pages(guest, gpa + *done, bytes - *done, &start);
		int error;

		if (!pages) {
			*done += PAGE_SIZE;
			continue;
		}
		error = shared_ept_unmap(&guest->shared_ept, GPA(gpa + *done), pages * PAGE_SIZE);
		if (error)
			return error;
		page_free(start, pages, PAGE_GUEST_SHARED);
		*done += pages * PAGE_SIZE;
	}
	return 0;
}

/* The same for what share_run() has just mapped: whole entries, so nothing needs splitting. */
static void unback_run(struct guest *guest, u64 gpa, u64 bytes)
{
	u64 done;
	int error = unback_shared(guest, gpa, bytes, &done);

	panic_if(error, "shared mapping at 0x%lx of %s cannot be taken back", gpa + done, guest->config->name);
}

/* Share one run of private pages that lies within a 2 MiB range; all or nothing. */
static int share_run(struct guest *guest, u64 gpa, u64 bytes)
{
	struct gmem *memory = &guest->memory;
	u64 backed = 0;
	int error = 0;

	if (bytes == PAGE_SIZE_2M && !back_shared(guest, gpa, TDX_LEVEL_2M))
		backed = bytes;
	for (; backed < bytes && !error; backed += error ? 0 : PAGE_SIZE)
		error = back_shared(guest, gpa + backed, TDX_LEVEL_4K);
	if (error) {
		unback_run(guest, gpa, backed);
		return error;
	}
	mark_range(memory, gpa, bytes, GMEM_SHARED);
	error = sept_remove_memory(&guest->td, GPA(gpa), bytes);
	if (error) {
		mark_range(memory, gpa, bytes, GMEM_PRIVATE);
		unback_run(guest, gpa, bytes);
	}
	return error == -EBUSY ? -EAGAIN : error;
}

/* Length of the run of equal state from @gpa on, not beyond @end nor its 2 MiB range. */
static u64 run_of(struct gmem *memory, u64 gpa, u64 end, bool *shared)
{
	u64 limit = MIN(end, ALIGN_DOWN(gpa, PAGE_SIZE_2M) + PAGE_SIZE_2M), at = gpa;

	spin_lock(&memory->lock);
	*shared = page_is_shared(memory, gpa);
	while (at < limit && page_is_shared(memory, at) == *shared)
		at += PAGE_SIZE;
	spin_unlock(&memory->lock);
	return at - gpa;
}

static int unshare_run(struct guest *guest, u64 gpa, u64 bytes)
{
	u64 done;
	int error;

	mark_range(&guest->memory, gpa, bytes, GMEM_PRIVATE);
	error = unback_shared(guest, gpa, bytes, &done);
	if (error)
		mark_range(&guest->memory, gpa + done, bytes - done, GMEM_SHARED);
	return error;
}

int gmem_convert(struct guest *guest, gpa_t gpa, u64 bytes, enum gmem_half half, u64 *done)
{
	int error = 0;

	*done = 0;
	if (!IS_ALIGNED(gpa.raw | bytes, PAGE_SIZE) || !gmem_is_ram(guest, gpa, bytes))
		return -EINVAL;
	conversion_begin(&guest->memory);
	while (*done < bytes && !error) {
		bool shared;
		u64 at = gpa.raw + *done, run = run_of(&guest->memory, at, gpa.raw + bytes, &shared);

		/* Asking for the state a page already has changes nothing: its content stays. */
		if (shared != (half == GMEM_SHARED))
			error = shared ? unshare_run(guest, at, run) : share_run(guest, at, run);
		if (!error)
			*done += run;
	}
	conversion_end(&guest->memory);
	return error;
}

/* ---- faults ---- */

int gmem_fault_private(struct guest *guest, gpa_t gpa, u32 level)
{
	gpa_t page = GPA(ALIGN_DOWN(gpa.raw, PAGE_SIZE));
	int error;

	if (!gmem_is_ram(guest, page, PAGE_SIZE))
		return -EINVAL;
	if (is_shared(&guest->memory, page.raw))
		return -EPERM;
	if (level >= TDX_LEVEL_2M && range_2m_is_private(guest, page.raw)) {
		error = sept_add_memory(&guest->td, GPA(ALIGN_DOWN(page.raw, PAGE_SIZE_2M)), TDX_LEVEL_2M);
		/* -ENOMEM also when small pages lie in the range already: then this one is small too. */
		if (error != -ENOMEM)
			return error;
	}
	return sept_add_memory(&guest->td, page, TDX_LEVEL_4K);
}

int gmem_fault_shared(struct guest *guest, gpa_t gpa)
{
	struct gmem *memory = &guest->memory;
	u64 page = ALIGN_DOWN(gpa.raw, PAGE_SIZE);
	int error = 0;
	hpa_t hpa;

	if (!gmem_is_ram(guest, GPA(page), PAGE_SIZE))
		return -EINVAL;
	conversion_begin(memory);
	if (!is_shared(memory, page))
		error = -EINVAL;
	else if (!shared_ept_lookup(&guest->shared_ept, GPA(page), &hpa))
		error = back_shared(guest, page, TDX_LEVEL_4K);
	conversion_end(memory);
	return error;
}

/* ---- copies ---- */

/* Where the byte at @gpa lies while the lock is held, so that its page cannot leave; NULL, lock free: not shared RAM. */
static void *lock_shared(struct guest *guest, gpa_t gpa)
{
	struct gmem *memory = &guest->memory;
	hpa_t hpa;

	spin_lock(&memory->lock);
	if (gmem_is_ram(guest, gpa, 1) && page_is_shared(memory, gpa.raw) &&
	    shared_ept_lookup(&guest->shared_ept, gpa, &hpa))
		return hpa_to_hva(hpa);
	spin_unlock(&memory->lock);
	return NULL;
}

/* Page by page. Exactly one of @to and @from is given; it names host memory. */
static int copy(struct guest *guest, gpa_t gpa, u8 *to, const u8 *from, u64 bytes)
{
	if (bytes && !gmem_is_ram(guest, gpa, bytes))
		return -EINVAL;
	for (u64 done = 0, piece; done < bytes; done += piece) {
		u64 at = gpa.raw + done;
		void *shared = lock_shared(guest, GPA(at));

		if (!shared)
			return -EINVAL;
		piece = MIN(bytes - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
		if (to)
			memcpy(to + done, shared, piece);
		else
			memcpy(shared, from + done, piece);
		spin_unlock(&guest->memory.lock);
	}
	return 0;
}

int gmem_read(struct guest *guest, gpa_t gpa, void *to, u64 bytes)
{
	return copy(guest, gpa, to, NULL, bytes);
}

int gmem_write(struct guest *guest, gpa_t gpa, const void *from, u64 bytes)
{
	return copy(guest, gpa, NULL, from, bytes);
}

/* Two bytes at an even GPA never cross a page. */
int gmem_load_u16(struct guest *guest, gpa_t gpa, u16 *value)
{
	u16 *cell = IS_ALIGNED(gpa.raw, sizeof(u16)) ? lock_shared(guest, gpa) : NULL;

	if (!cell)
		return -EINVAL;
	*value = __atomic_load_n(cell, __ATOMIC_ACQUIRE);
	spin_unlock(&guest->memory.lock);
	return 0;
}

int gmem_store_u16(struct guest *guest, gpa_t gpa, u16 value)
{
	u16 *cell = IS_ALIGNED(gpa.raw, sizeof(u16)) ? lock_shared(guest, gpa) : NULL;

	if (!cell)
		return -EINVAL;
	__atomic_store_n(cell, value, __ATOMIC_RELEASE);
	spin_unlock(&guest->memory.lock);
	return 0;
}

/* ---- end ---- */

static void free_shared(struct guest *guest, u64 start, u64 bytes)
{
	hpa_t hpa;

	/* Whatever the shared EPT names in RAM was put there by back_shared(). */
	for (u64 gpa = start; gpa < start + bytes; gpa += PAGE_SIZE)
		if (shared_ept_lookup(&guest->shared_ept, GPA(gpa), &hpa))
			page_free(hpa, 1, PAGE_GUEST_SHARED);
}

void gmem_destroy(struct guest *guest)
{
	struct gmem *memory = &guest->memory;

	if (!memory->shared_map)
		return;
	free_shared(guest, 0, memory->low_bytes);
	free_shared(guest, GUEST_HIGH_RAM_BASE, memory->high_bytes);
	page_zfree(memory->shared_map, memory->shared_map_pages, PAGE_GUEST);
	memset(memory, 0, sizeof(*memory));
}
