/* crc64.h - the checksum at the end of Redis's dumps: CRC-64 with the polynomial of Jones,
 * ad93d23594c935a9, reflected, from 0.  Of "123456789" it is e9c6d914c4b8d9ca.
 */
#ifndef BASE_CRC64_H
#define BASE_CRC64_H

#include "base/bytes.h"

uint64_t crc64_jones(struct bytes bytes);

#endif
