/* transfer_stream.h - all that a node holds, as it travels to a new one.
 *
 *     stream    head, rows*, (file, bytes*)*, end
 *     piece     kind u8, size u32, and so many bytes:
 *
 *     'H' head     format u8 = 1, newest stamp u64, last sequence number u64, crc32c of all rows
 *                  u32, (id of a node u64)*: the aliases (aliases_list())
 *     'R' rows     that are in no file; rows.h, in the order of keys
 *     'F' file     level u8, size u64, smallest and largest key: varint size and bytes (table.h)
 *     'B' bytes    of the file that was announced last
 *     'E' end      nothing
 *
 * Numbers are big-endian.  A head begins a new stream, and ends one that is not complete: its
 * source is gone, or did not keep what the stream was read from.
 */
#ifndef STORE_TRANSFER_STREAM_H
#define STORE_TRANSFER_STREAM_H

#define STREAM_FORMAT 1

#define STREAM_HEAD  'H'
#define STREAM_ROWS  'R'
#define STREAM_FILE  'F'
#define STREAM_BYTES 'B'
#define STREAM_END   'E'

#endif
