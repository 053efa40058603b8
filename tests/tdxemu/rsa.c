/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA-3072 verification: signature^65537 modulo n by Montgomery multiplication on 32-bit limbs, then the padded digest is
 * built and compared as a whole, so nothing in the signature is parsed. No secret is involved: time may depend on data.
 * Any core, no state. Facts: RFC 8017, "RSASSA-PKCS1-v1_5"; Montgomery's coarsely integrated operand scanning.
 */
#include "tests/tdxemu/rsa.h"

#include "kernel/lib/string.h"

#define LIMBS (RSA_BYTES / sizeof(u32))
#define EXPONENT_SQUARINGS 16	/* 65537 = 2^16 + 1 */

/* Lowest limb first. */
struct number {
	u32 limb[LIMBS];
};

struct modulus {
	struct number n;
	u32 inverse;	/* -1/n modulo 2^32 */
	struct number r2;	/* 2^(2 * 3072) modulo n: takes a number into Montgomery's form */
};

static const u8 digest_info[] = { 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
				  0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30 };

static bool is_below(const struct number *a, const struct number *b)
{
	for (u32 i = LIMBS; i-- > 0;)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i];
	return false;
}

static void subtract(struct number *a, const struct number *b)
{
	u64 borrow = 0;

	for (u32 i = 0; i < LIMBS; i++) {
		u64 difference = (u64)a->limb[i] - b->limb[i] - borrow;

		a->limb[i] = (u32)difference;
		borrow = difference >> 63;
	}
}

/* 2 a modulo n, for a < n. */
static void double_modulo(struct number *a, const struct number *n)
{
	u32 carry = 0;

	for (u32 i = 0; i < LIMBS; i++) {
		u32 limb = a->limb[i];

		a->limb[i] = limb << 1 | carry;
		carry = limb >> 31;
	}
	if (carry != 0 || !is_below(a, n))
		subtract(a, n);
}

/* a * b / 2^3072 modulo n. @result may be an operand. */
static void multiply(struct number *result, const struct number *a, const struct number *b, const struct modulus *m)
{
	u32 t[LIMBS + 2] = { 0 };

	for (u32 i = 0; i < LIMBS; i++) {
		u64 sum = 0;
		u32 factor;

		for (u32 j = 0; j < LIMBS; j++) {
			sum += t[j] + (u64)a->limb[j] * b->limb[i];
			t[j] = (u32)sum;
			sum >>= 32;
		}
		sum += t[LIMBS];
		t[LIMBS] = (u32)sum;
		t[LIMBS + 1] = (u32)(sum >> 32);
		/* A multiple of n that makes the lowest limb zero, then one limb less. */
		factor = t[0] * m->inverse;
		sum = (t[0] + (u64)factor * m->n.limb[0]) >> 32;
		for (u32 j = 1; j < LIMBS; j++) {
			sum += t[j] + (u64)factor * m->n.limb[j];
			t[j - 1] = (u32)sum;
			sum >>= 32;
		}
		sum += t[LIMBS];
		t[LIMBS - 1] = (u32)sum;
		t[LIMBS] = t[LIMBS + 1] + (u32)(sum >> 32);
	}
	memcpy(result, t, sizeof(*result));
	if (t[LIMBS] != 0 || !is_below(result, &m->n))
		subtract(result, &m->n);
}

/* @m->n is odd and its top bit is set, so 2^3072 - n is below n. */
static void prepare(struct modulus *m)
{
	m->inverse = 1;
	for (u32 i = 0; i < 5; i++)	/* Newton: each step doubles the right bits */
		m->inverse *= 2 - m->n.limb[0] * m->inverse;
	m->inverse = -m->inverse;
	memset(&m->r2, 0, sizeof(m->r2));
	subtract(&m->r2, &m->n);
	for (u32 i = 0; i < RSA_BYTES * 8; i++)
		double_modulo(&m->r2, &m->n);
}

/* The padded digest, lowest byte first: the order of the number it is compared with. */
static void pad(const u8 digest[SHA384_BYTES], struct number *padded)
{
	u8 *byte = (u8 *)padded;

	memset(byte, 0xff, RSA_BYTES);
	for (u32 i = 0; i < SHA384_BYTES; i++)
		byte[SHA384_BYTES - 1 - i] = digest[i];
	byte += SHA384_BYTES;
	for (u32 i = 0; i < sizeof(digest_info); i++)
		byte[sizeof(digest_info) - 1 - i] = digest_info[i];
	byte[sizeof(digest_info)] = 0;
	((u8 *)padded)[RSA_BYTES - 2] = 1;
	((u8 *)padded)[RSA_BYTES - 1] = 0;
}

bool rsa_verify_sha384(const u8 modulus[RSA_BYTES], const u8 signature[RSA_BYTES], const u8 digest[SHA384_BYTES])
{
	struct modulus m;
	struct number base, power, padded;

	memcpy(&m.n, modulus, sizeof(m.n));
	memcpy(&base, signature, sizeof(base));
	if ((m.n.limb[0] & 1) == 0 || (m.n.limb[LIMBS - 1] & BIT(31)) == 0 || !is_below(&base, &m.n))
		return false;
	prepare(&m);
	multiply(&power, &base, &m.r2, &m);
	for (u32 i = 0; i < EXPONENT_SQUARINGS; i++)
		multiply(&power, &power, &power, &m);
	multiply(&power, &power, &base, &m);	/* out of Montgomery's form again */
	pad(digest, &padded);
	return memcmp(&power, &padded, sizeof(power)) == 0;
}
