/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printf into a buffer. One pass over the format; every conversion becomes prefix, zeros and digits, or a text, and
 * goes through put_field(), which pads. Characters beyond the buffer are counted and dropped. Unknown conversions are
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

enum flag {
	FLAG_LEFT = 1,	/* - */
	FLAG_ZERO = 2,	/* 0 */
	FLAG_PLUS = 4,	/* + */
	FLAG_SPACE = 8,	/* space */
	FLAG_ALTERNATE = 16,	/* # */
	FLAG_UPPER = 32,	/* %X */
};

/* One conversion: everything between % and its letter. */
struct spec {
	u32 flags;
	int width;
	int precision;	/* -1: none given */
	int size;	/* -2 hh, -1 h, 0 int, 1 l, 2 ll or z */
};

#define DIGITS_MAX 22	/* of a 64-bit value in octal */
#define FIELD_MAX 4096	/* a width or precision beyond this is a mistake, cut to it */

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->bytes)
		out->to[out->length] = c;
	out->length++;
}

static void put_repeated(struct output *out, char c, int count)
{
	while (count-- > 0)
		put(out, c);
}

/* Padding, @prefix, @zeros zeros, then @length characters of @text. */
static void put_field(struct output *out, const struct spec *spec, const char *prefix, int zeros, const char *text,
		      int length)
{
	int padding = spec->width - (int)strlen(prefix) - zeros - length;

	if (!(spec->flags & FLAG_LEFT))
		put_repeated(out, ' ', padding);
	while (*prefix)
		put(out, *prefix++);
	put_repeated(out, '0', zeros);
	for (int i = 0; i < length; i++)
		put(out, text[i]);
	if (spec->flags & FLAG_LEFT)
		put_repeated(out, ' ', padding);
}

static void put_number(struct output *out, const struct spec *spec, u64 value, u32 base, const char *prefix)
{
	const char *digits = spec->flags & FLAG_UPPER ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[DIGITS_MAX];
	int length = 0;
	int zeros;

	for (u64 rest = value; rest; rest /= base)
		text[DIGITS_MAX - ++length] = digits[rest % base];
	zeros = (spec->precision < 0 ? 1 : spec->precision) - length;
	if (base == 8 && (spec->flags & FLAG_ALTERNATE) && zeros <= 0)
		zeros = 1;
	if (spec->precision < 0 && (spec->flags & (FLAG_ZERO | FLAG_LEFT)) == FLAG_ZERO)
		zeros = MAX(zeros, spec->width - (int)strlen(prefix) - length);
	put_field(out, spec, prefix, MAX(zeros, 0), text + DIGITS_MAX - length, length);
}

static void put_signed(struct output *out, const struct spec *spec, s64 value)
{
	const char *prefix = "";

	if (value < 0)
		prefix = "-";
	else if (spec->flags & FLAG_PLUS)
		prefix = "+";
	else if (spec->flags & FLAG_SPACE)
		prefix = " ";
	put_number(out, spec, value < 0 ? 0 - (u64)value : (u64)value, 10, prefix);
}

static void put_unsigned(struct output *out, struct spec *spec, u64 value, char conversion)
{
	const char *prefix = "";
	u32 base = conversion == 'o' ? 8 : conversion == 'u' ? 10 : 16;

	if (conversion == 'X')
		spec->flags |= FLAG_UPPER;
	if (base == 16 && value && (spec->flags & FLAG_ALTERNATE))
		prefix = conversion == 'X' ? "0X" : "0x";
	put_number(out, spec, value, base, prefix);
}

static void put_text(struct output *out, const struct spec *spec, const char *text)
{
	size_t limit = spec->precision < 0 ? FIELD_MAX : (size_t)spec->precision;

	if (!text)
		text = "(null)";
	put_field(out, spec, "", 0, text, (int)strnlen(text, limit));
}

static u32 flag_of(char c)
{
	switch (c) {
	case '-':
		return FLAG_LEFT;
	case '0':
		return FLAG_ZERO;
	case '+':
		return FLAG_PLUS;
	case ' ':
		return FLAG_SPACE;
	case '#':
		return FLAG_ALTERNATE;
	default:
		return 0;
	}
}

/*
 * A number or '*'; -1 when there is neither. A negative '*' comes back as it is, beyond -1 it means what the caller
 * says.
 */
static int read_number(const char **format, va_list *args)
{
	int value = -1;

	if (**format == '*') {
		(*format)++;
		value = va_arg(*args, int);
		return MAX(MIN(value, FIELD_MAX), -FIELD_MAX);
	}
	while (**format >= '0' && **format <= '9') {
		value = MIN(MAX(value, 0) * 10 + (**format - '0'), FIELD_MAX);
		(*format)++;
	}
	return value;
}

/* Read flags, width, precision and size; returns the place of the conversion letter. */
static const char *read_spec(const char *format, struct spec *spec, va_list *args)
{
	u32 flag;
	bool star;

	*spec = (struct spec){ .precision = -1 };
	while ((flag = flag_of(*format)) != 0) {
		spec->flags |= flag;
		format++;
	}
	star = *format == '*';
	spec->width = read_number(&format, args);
	if (star && spec->width < 0) {
		spec->flags |= FLAG_LEFT;
		spec->width = -spec->width;
	}
	spec->width = MAX(spec->width, 0);
	if (*format == '.') {
		format++;
		star = *format == '*';
		spec->precision = read_number(&format, args);
		if (spec->precision < 0)	/* "." alone is 0, a negative '*' is none */
			spec->precision = star ? -1 : 0;
	}
	for (; *format == 'h'; format++)
		spec->size--;
	for (; *format == 'l'; format++)
		spec->size++;
	if (*format == 'z') {
		spec->size = 2;
		format++;
	}
	return format;
}

static s64 signed_arg(int size, va_list *args)
{
	if (size > 0)
		return va_arg(*args, long);
	if (size == 0)
		return va_arg(*args, int);
	return size == -1 ? (short)va_arg(*args, int) : (signed char)va_arg(*args, int);
}

static u64 unsigned_arg(int size, va_list *args)
{
	if (size > 0)
		return va_arg(*args, unsigned long);
	if (size == 0)
		return va_arg(*args, unsigned int);
	return size == -1 ? (u16)va_arg(*args, unsigned int) : (u8)va_arg(*args, unsigned int);
}

/* One conversion whose letter stands at @letter; false when it is none of ours. */
static bool convert(struct output *out, struct spec *spec, char letter, va_list *args)
{
	char c;

	switch (letter) {
	case 'd':
	case 'i':
		put_signed(out, spec, signed_arg(spec->size, args));
		return true;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(out, spec, unsigned_arg(spec->size, args), letter);
		return true;
	case 'p':
		put_number(out, spec, (u64)va_arg(*args, void *), 16, "0x");
		return true;
	case 's':
		put_text(out, spec, va_arg(*args, const char *));
		return true;
	case 'c':
		c = (char)va_arg(*args, int);
		put_field(out, spec, "", 0, &c, 1);
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
