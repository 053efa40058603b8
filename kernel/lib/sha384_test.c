/* SPDX-License-Identifier: BSD-2-Clause */
/* The adapter computes SHA-384, in one piece and in several. Vectors: FIPS 180-4 examples. */
#include "kernel/lib/sha384.h"
#include "tests/unit/test.h"

TEST(sha384_of_abc)
{
	static const u8 abc[SHA384_BYTES] = {
		0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b, 0xb5, 0xa0, 0x3d, 0x69, 0x9a, 0xc6, 0x50, 0x07,
		0x27, 0x2c, 0x32, 0xab, 0x0e, 0xde, 0xd1, 0x63, 0x1a, 0x8b, 0x60, 0x5a, 0x43, 0xff, 0x5b, 0xed,
		0x80, 0x86, 0x07, 0x2b, 0xa1, 0xe7, 0xcc, 0x23, 0x58, 0xba, 0xec, 0xa1, 0x34, 0xc8, 0x25, 0xa7,
	};
	u8 digest[SHA384_BYTES];

	sha384_of("abc", 3, digest);
	CHECK_MEM(digest, abc, SHA384_BYTES);
}

TEST(sha384_in_pieces_equals_sha384_at_once)
{
	u8 data[1000], whole[SHA384_BYTES], pieces[SHA384_BYTES];
	struct sha384 hash;

	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 31);
	sha384_of(data, sizeof(data), whole);
	sha384_start(&hash);
	for (u32 at = 0, step = 1; at < sizeof(data); at += step, step = step * 2 + 1)
		sha384_add(&hash, data + at, MIN(step, sizeof(data) - at));
	sha384_finish(&hash, pieces);
	CHECK_MEM(pieces, whole, SHA384_BYTES);
}
