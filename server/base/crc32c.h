/* crc32c.h - the Castagnoli checksum (RFC 3720, B.4), by the processor's own instruction where it
 * has one. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stdint.h>

#include "base/bytes.h"

/* Of what `crc` was the checksum of (0 = nothing), followed by the bytes. */
uint32_t crc32c_extend(uint32_t crc, struct bytes bytes);

/* The same without that instruction: for tests. */
uint32_t crc32c_extend_portable(uint32_t crc, struct bytes bytes);

#endif
