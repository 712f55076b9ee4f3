/* list_cursor.h - where a listing goes on, as a text that the client brings back.
 *
 * A cursor carries its position: base64url of
 *
 *     version (1 byte, 1) | check (8 bytes, big endian) | the last key that was listed
 *
 * so the server remembers nothing for it, and it survives writes, deletes of that very key, and
 * restarts; it means the same on every replica.  The check covers the key and the prefix of the
 * listing: a text that was cut, altered or brought to another listing is refused.  It protects
 * against mistakes, not against forgery, which would gain nothing.
 */
#ifndef COMMANDS_LIST_CURSOR_H
#define COMMANDS_LIST_CURSOR_H

#include "base/buffer.h"
#include "base/status.h"

/* Appends the cursor to *text. */
void list_cursor_write(struct bytes prefix, struct bytes last_key, struct buffer *text);

/* Appends to *from where a listing with this prefix goes on: the smallest key behind the last one.
 * STATUS_CURSOR if the text is no cursor of such a listing; nothing is appended then. */
enum status list_cursor_read(struct bytes text, struct bytes prefix, struct buffer *from) MUST_USE;

#endif
