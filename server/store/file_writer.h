/* file_writer.h - a thread that writes files, while another one makes what goes into them.
 *
 * Bytes are handed over in large pieces and written in that order.  A file that has ended is pushed
 * to disk and closed; that takes a while, so it is begun at once and waited for a few files later.
 * The one who makes the bytes waits when several pieces are not written yet.
 */
#ifndef STORE_FILE_WRITER_H
#define STORE_FILE_WRITER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/status.h"

struct file_writer;

/* is_sound() is asked of each file that has ended, by the thread; NULL = all are. */
struct file_writer *file_writer_create(bool (*is_sound)(int file));
/* What was not written yet is dropped, and files that have ended are closed. */
void file_writer_destroy(struct file_writer *writer);

/* Takes the bytes: the buffer is empty then, and has room that was used before.  With is_end the
 * file is the writer's from here on. */
void file_writer_put(struct file_writer *writer, int file, struct buffer *bytes, bool is_end);

/* STATUS_IO once anything could not be written, or was not sound, as far as is known by now:
 * nothing more is written. */
enum status file_writer_status(struct file_writer *writer) MUST_USE;
/* Waits until everything is written and all files that have ended are on disk. */
enum status file_writer_finish(struct file_writer *writer) MUST_USE;

#endif
