/* gateway/hash.h - a short number for a text: FNV-1a, 64 bits. The same in every release, so it may
 * stand in names that outlive the process. Whoever chooses the text can make two the same. */
#ifndef GATEWAY_HASH_H
#define GATEWAY_HASH_H

#include <gateway/str.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GW_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t gw_hash_add(uint64_t hash, unsigned char octet)
{
	return (hash ^ octet) * UINT64_C(0x100000001b3);
}

static inline uint64_t gw_str_hash(struct gw_str text)
{
	uint64_t hash = GW_HASH_BEGIN;
	size_t i;

	for (i = 0; i < text.len; i++)
		hash = gw_hash_add(hash, (unsigned char)text.ptr[i]);
	return hash;
}

#ifdef __cplusplus
}
#endif
#endif
