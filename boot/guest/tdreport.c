/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tdreport: print this TD's TDREPORT, as TDG.MR.REPORT gives it through /dev/tdx_guest. An ordinary Linux program, static.
 * Usage: tdreport [text of up to 64 bytes to bind into REPORTDATA]
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REPORT_DATA_BYTES 64
#define REPORT_BYTES 1024
#define MR_BYTES 48

struct request {
	unsigned char data[REPORT_DATA_BYTES];
	unsigned char report[REPORT_BYTES];
};
#define TDX_CMD_GET_REPORT0 _IOWR('T', 1, struct request)

static void print_hex(const char *name, const unsigned char *bytes, int count)
{
	printf("%-15s ", name);
	for (int i = 0; i < count; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct request request;
	static const struct {
		const char *name;
		int offset, bytes;
	} fields[] = {
		{ "REPORTDATA", 128, REPORT_DATA_BYTES }, { "MAC", 224, 32 },
		{ "ATTRIBUTES", 512, 8 },		  { "XFAM", 520, 8 },
		{ "MRTD", 528, MR_BYTES },		  { "MRCONFIGID", 576, MR_BYTES },
		{ "MROWNER", 624, MR_BYTES },		  { "MROWNERCONFIG", 672, MR_BYTES },
		{ "RTMR0", 720, MR_BYTES },		  { "RTMR1", 768, MR_BYTES },
		{ "RTMR2", 816, MR_BYTES },		  { "RTMR3", 864, MR_BYTES },
	};
	int device = open("/dev/tdx_guest", O_RDWR);

	if (device < 0) {
		perror("tdreport: /dev/tdx_guest");
		return 1;
	}
	if (argc > 1)
		memcpy(request.data, argv[1], strnlen(argv[1], sizeof(request.data)));
	if (ioctl(device, TDX_CMD_GET_REPORT0, &request) != 0) {
		perror("tdreport: TDX_CMD_GET_REPORT0");
		return 1;
	}
	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		print_hex(fields[i].name, request.report + fields[i].offset, fields[i].bytes);
	return 0;
}
