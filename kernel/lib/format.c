/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printf into a buffer. One pass over the format; every conversion becomes a prefix and digits, or a text, and goes
 * through put_field(), which pads. Characters beyond the buffer are counted and dropped. Unknown conversions are
 * copied as they stand, so that a mistake is seen and takes no argument. Pure, any core, any context.
 * Standard: C11, "The fprintf function".
 */
#include "kernel/lib/format.h"

#include "kernel/lib/string.h"

struct output {
	char *to;
	size_t bytes;	/* room in @to, terminator included */
	size_t length;	/* characters produced so far */
};

/* One conversion: everything between % and its letter. */
struct spec {
	bool left;	/* - */
	bool zero;	/* 0 */
	bool alternate;	/* # */
	bool is_long;	/* l, ll or z */
	u32 width;
	u32 limit;	/* precision of a text */
};

#define DIGITS_MAX 20	/* of a 64-bit value in decimal */
#define FIELD_MAX 4096	/* a width or precision beyond this is a mistake, cut to it */

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->bytes)
		out->to[out->length] = c;
	out->length++;
}

/* @prefix and the @length characters of @text, padded to the width: zeros stand between the two. */
static void put_field(struct output *out, const struct spec *spec, const char *prefix, const char *text, size_t length)
{
	size_t used = strlen(prefix) + length, padding = spec->width > used ? spec->width - used : 0;

	for (; padding && !spec->left && !spec->zero; padding--)
		put(out, ' ');
	while (*prefix)
		put(out, *prefix++);
	for (; padding && !spec->left; padding--)
		put(out, '0');
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
	for (; padding; padding--)
		put(out, ' ');
}

static void put_number(struct output *out, const struct spec *spec, u64 value, u32 base, const char *prefix)
{
	char text[DIGITS_MAX];
	u32 length = 0;

	do {
		text[DIGITS_MAX - ++length] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put_field(out, spec, prefix, text + DIGITS_MAX - length, length);
}

/* Digits of the format; 0 when there are none. */
static u32 read_number(const char **format)
{
	u32 value = 0;

	for (; **format >= '0' && **format <= '9'; (*format)++)
		value = MIN(value * 10 + (u32)(**format - '0'), FIELD_MAX);
	return value;
}

/* Read flags, width, precision and size; returns the place of the conversion letter. */
static const char *read_spec(const char *format, struct spec *spec, va_list *args)
{
	int limit;

	*spec = (struct spec){ .limit = FIELD_MAX };
	for (;; format++) {
		if (*format == '-')
			spec->left = true;
		else if (*format == '0')
			spec->zero = true;
		else if (*format == '#')
			spec->alternate = true;
		else
			break;
	}
	spec->width = read_number(&format);
	if (format[0] == '.' && format[1] == '*') {
		format += 2;
		limit = va_arg(*args, int);
		spec->limit = limit > 0 ? (u32)limit : 0;
	} else if (format[0] == '.') {
		format++;
		spec->limit = read_number(&format);
	}
	for (; *format == 'l' || *format == 'z'; format++)
		spec->is_long = true;
	return format;
}

/* One conversion whose letter stands at @letter; false when it is none of ours. */
static bool convert(struct output *out, struct spec *spec, char letter, va_list *args)
{
	const char *text;
	s64 number;
	char c;

	switch (letter) {
	case 'd':
		number = spec->is_long ? va_arg(*args, long) : va_arg(*args, int);
		put_number(out, spec, number < 0 ? 0 - (u64)number : (u64)number, 10, number < 0 ? "-" : "");
		return true;
	case 'u':
	case 'x':
		number = spec->is_long ? va_arg(*args, long) : (s64)va_arg(*args, unsigned int);
		put_number(out, spec, (u64)number, letter == 'x' ? 16 : 10, spec->alternate && number ? "0x" : "");
		return true;
	case 'p':
		put_number(out, spec, (u64)va_arg(*args, void *), 16, "0x");
		return true;
	case 's':
		text = va_arg(*args, const char *);
		text = text ? text : "(null)";
		put_field(out, spec, "", text, strnlen(text, spec->limit));
		return true;
	case 'c':
		c = (char)va_arg(*args, int);
		put_field(out, spec, "", &c, 1);
		return true;
	case '%':
		put(out, '%');
		return true;
	default:
		return false;
	}
}

int format_text_va(char *to, size_t to_bytes, const char *format, va_list args)
{
	struct output out = { .to = to, .bytes = to_bytes };
	va_list rest;

	va_copy(rest, args);
	while (*format) {
		const char *percent = format;
		struct spec spec;

		if (*format != '%') {
			put(&out, *format++);
			continue;
		}
		format = read_spec(format + 1, &spec, &rest);
		if (*format && convert(&out, &spec, *format, &rest)) {
			format++;
			continue;
		}
		while (percent < format)
			put(&out, *percent++);
	}
	va_end(rest);
	if (to_bytes)
		to[MIN(out.length, to_bytes - 1)] = '\0';
	return (int)out.length;
}

int format_text(char *to, size_t to_bytes, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = format_text_va(to, to_bytes, format, args);
	va_end(args);
	return length;
}
