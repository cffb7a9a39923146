/* gateway/str.h - counted strings: the one string type of the gateway and of its modules.
 *
 * A string carries its length, so a NUL in it is data and never an end. Whoever hands one out also
 * keeps ptr[len] == '\0', so that it can be given to a C library after gw_str_has_nul() said no.
 * Who owns the bytes is said where the string is handed out; a gw_str itself owns nothing. */
#ifndef GATEWAY_STR_H
#define GATEWAY_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gw_str {
	const char *ptr;
	size_t len;
#ifdef __cplusplus
	/* What gw_str("text") is in C++, where a function may not bear the name of a type. The
	 * layout is C's. */
	gw_str() = default;
	gw_str(const char *text) : ptr(text ? text : ""), len(text ? strlen(text) : 0) {}
	gw_str(const char *bytes, size_t count) : ptr(bytes), len(count) {}
#endif
};

/* An ordered list of strings; owns nothing. */
struct gw_list {
	const struct gw_str *items;
	size_t count;
};

/* The string of a literal, usable in initialisers: GW_STR("DKIM-Signature"). */
#define GW_STR(literal)                                                                            \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

/* For printf: ("%.*s", GW_STR_ARGS(s)). */
#define GW_STR_ARGS(s) (int)(s).len, (s).ptr

#ifndef __cplusplus
/* A view of a C string; NULL gives the empty string. */
static inline struct gw_str gw_str(const char *text)
{
	struct gw_str s = { text ? text : "", text ? strlen(text) : 0 };
	return s;
}
#endif

static inline struct gw_str gw_str_n(const void *ptr, size_t len)
{
	struct gw_str s = { (const char *)ptr, len };
	return s;
}

static inline bool gw_str_eq(struct gw_str a, struct gw_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal but for the case of ASCII letters (domains, verbs, header names). */
static inline bool gw_str_ieq(struct gw_str a, struct gw_str b)
{
	size_t i;
	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++) {
		unsigned char x = (unsigned char)a.ptr[i], y = (unsigned char)b.ptr[i];
		if (x >= 'A' && x <= 'Z')
			x = (unsigned char)(x + 32);
		if (y >= 'A' && y <= 'Z')
			y = (unsigned char)(y + 32);
		if (x != y)
			return false;
	}
	return true;
}

static inline bool gw_str_has_nul(struct gw_str s)
{
	return s.len != 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

/* The index of the first `c` in `s`, or s.len. */
static inline size_t gw_str_find(struct gw_str s, char c)
{
	const char *p = s.len ? (const char *)memchr(s.ptr, c, s.len) : NULL;
	return p ? (size_t)(p - s.ptr) : s.len;
}

/* The part of `s` from `start` on; empty when start is past the end. */
static inline struct gw_str gw_str_from(struct gw_str s, size_t start)
{
	return start >= s.len ? gw_str_n(s.ptr + s.len, 0) : gw_str_n(s.ptr + start, s.len - start);
}

/* Blanks around words: SP, HTAB, and the CR and LF of folded lines and of line ends. */
static inline bool gw_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The part of `s` without the blanks (gw_is_space) at its ends; empty: there is nothing else. */
static inline struct gw_str gw_str_trim(struct gw_str s)
{
	while (s.len != 0 && gw_is_space(s.ptr[0]))
		s = gw_str_n(s.ptr + 1, s.len - 1);
	while (s.len != 0 && gw_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* The part of *rest before its next `c`, which *rest is behind afterwards; all of it where there is
 * none. So "a:b" gives "a", then "b", and *rest is empty. */
static inline struct gw_str gw_str_cut(struct gw_str *rest, char c)
{
	struct gw_str part = gw_str_n(rest->ptr, gw_str_find(*rest, c));
	*rest = gw_str_from(*rest, part.len + 1);
	return part;
}

/* Whether one of the list is `word`, but for the case of ASCII letters. */
static inline bool gw_list_has(struct gw_list list, struct gw_str word)
{
	size_t i;
	for (i = 0; i < list.count; i++)
		if (gw_str_ieq(list.items[i], word))
			return true;
	return false;
}

#ifdef __cplusplus
}
#endif
#endif
