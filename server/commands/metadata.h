/* metadata.h - what counts as metadata of a key: one JSON text, of any kind. */
#ifndef COMMANDS_METADATA_H
#define COMMANDS_METADATA_H

#include "base/bytes.h"
#include "base/status.h"

/* The longest text that can be worth making it shorter: no limit is above 64 kB, an escape takes
 * six bytes for one, and there may be blanks. */
#define METADATA_TEXT_MAX ((size_t)512 * 1024)

/* STATUS_META_INVALID if it is none.  null is as good as no metadata, and becomes that: no bytes.
 */
enum status metadata_check(struct bytes *meta) MUST_USE;

#endif
