/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory maps and module limits: every plan keeps the rules of TDH.SYS.CONFIG, and is found where one must exist. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tdmr_map.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	const char *broken = tdmr_map_try(data, bytes);

	if (broken)
		fprintf(stderr, "%s\n", broken);
	CLAIM(!broken);
	return 0;
}
