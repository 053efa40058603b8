/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Books of the private KeyIDs. The first one is the module's (PAMTs and TDRs), the others go to TDs, lowest first.
 * A KeyID whose release failed is leaked: the module still counts it as assigned.
 *
 * Manual: TDX Module Base, "Key Management"; Intel TME-MT, "Physical Address Bits Reservation".
 */
#include "tdx/keyid.h"

#include "include/cella/errno.h"
#include "kernel/cpu_call.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"

enum keyid_state {
	KEYID_FREE,
	KEYID_IN_USE,
	KEYID_LEAKED,
};

static struct {
	struct spinlock lock;
	u16 first;	/* (c) the global one */
	u16 count;	/* (c) */
	u32 address_bit;	/* (c) */
	u32 held[KEYID_LEAKED + 1];	/* (l) number of KeyIDs per state, the global one not counted */
	u8 state[KEYID_LIMIT];	/* (l) enum keyid_state, by KeyID */
	u32 table_taken;	/* atomic: keyid_table_lock() */
} keyid;

void keyid_init(u16 first, u16 count, u32 address_bit)
{
	panic_if(count < 2 || first + count > KEYID_LIMIT, "keyid: private range %u + %u makes no sense", first, count);
	keyid.first = first;
	keyid.count = count;
	keyid.address_bit = address_bit;
	for (u32 i = 0; i < KEYID_LIMIT; i++)
		keyid.state[i] = KEYID_FREE;
	keyid.held[KEYID_FREE] = count - 1u;
	keyid.held[KEYID_IN_USE] = 0;
	keyid.held[KEYID_LEAKED] = 0;
}

hkid_t keyid_global(void)
{
	return HKID(keyid.first);
}

/* Lock held. */
static void set_state(u32 id, enum keyid_state from, enum keyid_state to)
{
	panic_if(id <= keyid.first || id >= (u32)keyid.first + keyid.count || keyid.state[id] != from,
		 "keyid: KeyID %u is not in state %u", id, from);
	keyid.state[id] = (u8)to;
	keyid.held[from]--;
	keyid.held[to]++;
}

int keyid_alloc(hkid_t *hkid)
{
	u64 irq = spin_lock_irqsave(&keyid.lock);
	int result = -ENOSPC;

	for (u32 id = keyid.first + 1u; id < (u32)keyid.first + keyid.count; id++) {
		if (keyid.state[id] == KEYID_FREE) {
			set_state(id, KEYID_FREE, KEYID_IN_USE);
			*hkid = HKID(id);
			result = 0;
			break;
		}
	}
	spin_unlock_irqrestore(&keyid.lock, irq);
	return result;
}

static void give_back(hkid_t hkid, enum keyid_state to)
{
	u64 irq = spin_lock_irqsave(&keyid.lock);

	set_state(hkid.raw, KEYID_IN_USE, to);
	spin_unlock_irqrestore(&keyid.lock, irq);
}

void keyid_free(hkid_t hkid)
{
	give_back(hkid, KEYID_FREE);
}

void keyid_leak(hkid_t hkid)
{
	give_back(hkid, KEYID_LEAKED);
	log_error("tdx", "KeyID %u could not be released and is lost until the next power cycle", hkid.raw);
}

u32 keyid_total(void)
{
	return keyid.count ? keyid.count - 1u : 0;
}

u32 keyid_in_use(void)
{
	return __atomic_load_n(&keyid.held[KEYID_IN_USE], __ATOMIC_RELAXED);
}

u32 keyid_leaked(void)
{
	return __atomic_load_n(&keyid.held[KEYID_LEAKED], __ATOMIC_RELAXED);
}

keyed_hpa_t hpa_with_hkid(hpa_t hpa, hkid_t hkid)
{
	return (keyed_hpa_t){ hpa.raw | (u64)hkid.raw << keyid.address_bit };
}

void keyid_table_lock(void)
{
	while (__atomic_exchange_n(&keyid.table_taken, 1, __ATOMIC_ACQUIRE))
		task_yield();
}

void keyid_table_unlock(void)
{
	__atomic_store_n(&keyid.table_taken, 0, __ATOMIC_RELEASE);
}

static bool is_first_of_package(u32 cpu)
{
	for (u32 other = 0; other < cpu; other++)
		if (cpu_at(other)->package == cpu_at(cpu)->package)
			return false;
	return true;
}

int keyid_on_each_package(int (*fn)(void *arg), void *arg)
{
	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		if (is_first_of_package(cpu)) {
			int result = cpu_call(cpu, fn, arg);

			if (result)
				return result;
		}
	}
	return 0;
}
