/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's instruction where it
 * has one. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes that follow others with checksum `crc`; 0 to begin. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same where the processor has no such instruction; for the tests. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len);

#endif
