#include "store/table.h"

#include <endian.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/wire.h"
#include "store/file_writer.h"
#include "store/table_format.h"

#define RESTART_INTERVAL 16 /* entries between two keys that are stored whole */
#define UNTRIED_BLOCKS   7
#define WRITE_SIZE       ((size_t)512 << 10)

/* snappy-c.h, which comes with a package of its own; LevelDB needs the library itself. */
int snappy_compress(const char *input, size_t size, char *compressed, size_t *compressed_size);
size_t snappy_max_compressed_length(size_t size);

struct block {
    struct buffer contents, restarts;
    struct buffer last; /* the last key, for what the next one shares with it */
    uint32_t count, interval;
};

struct table {
    struct file_writer *writer;
    int file;
    bool compresses;
    uint64_t written;  /* bytes handed to the writer */
    struct buffer out; /* behind these */
    struct block data, index;
    uint64_t last_tag;
    struct buffer handle, compressed; /* of the block at hand */
    int untried;                      /* so many blocks are not worth trying to compress */
    uint32_t *hashes;                 /* of the keys for the next filter */
    size_t hash_count, hash_capacity;
    struct buffer filters, filter_offsets;
};

/* ---------- numbers ---------- */

void table_append_u32(struct buffer *out, uint32_t value)
{
    value = htole32(value);
    buffer_append(out, &value, sizeof value);
}

static void append_u64(struct buffer *out, uint64_t value)
{
    value = htole64(value);
    buffer_append(out, &value, sizeof value);
}

void table_append_key(struct buffer *out, struct bytes key, uint64_t tag)
{
    buffer_append_bytes(out, key);
    append_u64(out, tag);
}

/* ---------- blocks ---------- */

/* `tag` is NULL where keys have none. */
static void put_entry(struct block *block, struct bytes key, const uint64_t *tag,
                      struct bytes value)
{
    size_t shared = 0, trailer = tag != NULL ? TABLE_TRAILER_SIZE : 0;

    if (block->count % block->interval == 0)
        table_append_u32(&block->restarts, (uint32_t)block->contents.size);
    else
        shared = bytes_shared_prefix(buffer_view(&block->last), key).size;
    block->count++;
    wire_put_varint(&block->contents, shared);
    wire_put_varint(&block->contents, key.size - shared + trailer);
    wire_put_varint(&block->contents, value.size);
    buffer_append(&block->contents, key.data + shared, key.size - shared);
    if (tag != NULL)
        append_u64(&block->contents, *tag);
    buffer_append_bytes(&block->contents, value);
    block->last.size = 0;
    buffer_append_bytes(&block->last, key);
}

static struct bytes end_block(struct block *block)
{
    uint32_t count = (uint32_t)(block->restarts.size / sizeof(uint32_t));

    buffer_append_bytes(&block->contents, buffer_view(&block->restarts));
    table_append_u32(&block->contents, count);
    return buffer_view(&block->contents);
}

static void empty_block(struct block *block)
{
    block->contents.size = block->restarts.size = 0;
    block->count = 0;
}

static void clear_block(struct block *block)
{
    buffer_clear(&block->contents);
    buffer_clear(&block->restarts);
    buffer_clear(&block->last);
}

/* ---------- the file ---------- */

static void write_out(struct table *table, bool is_end)
{
    table->written += table->out.size;
    file_writer_put(table->writer, table->file, &table->out, is_end);
}

uint64_t table_size(const struct table *table)
{
    return table->written + table->out.size;
}

static struct table_handle append_block(struct table *table, struct bytes contents,
                                        enum table_block_type type)
{
    struct table_handle handle = {table_size(table), contents.size};
    char type_byte = (char)type;
    uint32_t crc = crc32c_extend(0, contents);

    buffer_append_bytes(&table->out, contents);
    buffer_append_byte(&table->out, type_byte);
    crc = crc32c_extend(crc, (struct bytes){&type_byte, 1});
    table_append_u32(&table->out, table_masked_crc(crc));
    if (table->out.size >= WRITE_SIZE)
        write_out(table, false);
    return handle;
}

/* Compressed if that saves an eighth, as LevelDB does.  Where it does not, some of the blocks that
 * follow are not tried. */
static struct table_handle append_smaller(struct table *table, struct bytes contents)
{
    size_t size = snappy_max_compressed_length(contents.size);

    if (!table->compresses)
        return append_block(table, contents, BLOCK_PLAIN);
    if (table->untried > 0) {
        table->untried--;
        return append_block(table, contents, BLOCK_PLAIN);
    }
    (void)buffer_reserve(&table->compressed, size);
    if (snappy_compress(contents.data, contents.size, table->compressed.data, &size) != 0 ||
        size >= contents.size - contents.size / 8) {
        table->untried = UNTRIED_BLOCKS;
        return append_block(table, contents, BLOCK_PLAIN);
    }
    return append_block(table, (struct bytes){table->compressed.data, size}, BLOCK_SNAPPY);
}

static void append_handle(struct buffer *out, struct table_handle handle)
{
    wire_put_varint(out, handle.offset);
    wire_put_varint(out, handle.size);
}

/* ---------- the filter ---------- */

static void remember_hash(struct table *table, struct bytes key)
{
    table->hashes =
        xgrow(table->hashes, table->hash_count, &table->hash_capacity, sizeof *table->hashes);
    table->hashes[table->hash_count++] = table_hash(key);
}

static void set_bits(unsigned char *filter, size_t bits, uint32_t hash)
{
    uint32_t step = table_hash_step(hash);

    for (int i = 0; i < TABLE_FILTER_PROBES; i++) {
        size_t bit = hash % (uint32_t)bits;

        filter[bit / 8] = (unsigned char)(filter[bit / 8] | 1u << (bit % 8));
        hash += step;
    }
}

/* Of the keys since the last one; without any it is empty. */
static void add_filter(struct table *table)
{
    size_t bits = table->hash_count * TABLE_BLOOM_BITS, bytes;
    char *filter;

    table_append_u32(&table->filter_offsets, (uint32_t)table->filters.size);
    if (table->hash_count == 0)
        return;
    bytes = ((bits < TABLE_FILTER_BITS_MIN ? TABLE_FILTER_BITS_MIN : bits) + 7) / 8;
    filter = buffer_reserve(&table->filters, bytes);
    memset(filter, 0, bytes);
    for (size_t i = 0; i < table->hash_count; i++)
        set_bits((unsigned char *)filter, bytes * 8, table->hashes[i]);
    table->filters.size += bytes;
    buffer_append_byte(&table->filters, TABLE_FILTER_PROBES);
    table->hash_count = 0;
}

/* A data block begins here: filters up to its 2 KiB are due. */
static void add_filters(struct table *table)
{
    uint64_t due = table_size(table) >> TABLE_FILTER_SHIFT;

    while (table->filter_offsets.size / sizeof(uint32_t) < due)
        add_filter(table);
}

static struct bytes end_filters(struct table *table)
{
    uint32_t size;

    if (table->hash_count > 0)
        add_filter(table);
    size = (uint32_t)table->filters.size;
    buffer_append_bytes(&table->filters, buffer_view(&table->filter_offsets));
    table_append_u32(&table->filters, size);
    buffer_append_byte(&table->filters, TABLE_FILTER_SHIFT);
    return buffer_view(&table->filters);
}

/* ---------- the whole ---------- */

struct table *table_create(struct file_writer *writer, int file, bool compresses)
{
    struct table *table = xcalloc(1, sizeof *table);

    table->writer = writer;
    table->file = file;
    table->compresses = compresses;
    table->data.interval = RESTART_INTERVAL;
    table->index.interval = 1;
    return table;
}

void table_destroy(struct table *table)
{
    if (table == NULL)
        return;
    clear_block(&table->data);
    clear_block(&table->index);
    buffer_clear(&table->out);
    buffer_clear(&table->handle);
    buffer_clear(&table->compressed);
    buffer_clear(&table->filters);
    buffer_clear(&table->filter_offsets);
    free(table->hashes);
    free(table);
}

/* The index has the last key of each block, and where the block is. */
static void end_data_block(struct table *table)
{
    if (table->data.count == 0)
        return;
    table->handle.size = 0;
    append_handle(&table->handle, append_smaller(table, end_block(&table->data)));
    put_entry(&table->index, buffer_view(&table->data.last), &table->last_tag,
              buffer_view(&table->handle));
    empty_block(&table->data);
    add_filters(table);
}

void table_put(struct table *table, struct bytes key, uint64_t tag, struct bytes value)
{
    remember_hash(table, key);
    put_entry(&table->data, key, &tag, value);
    table->last_tag = tag;
    if (table->data.contents.size + table->data.restarts.size >= TABLE_BLOCK_SIZE)
        end_data_block(table);
}

static struct table_handle append_metaindex(struct table *table, struct table_handle filter)
{
    struct block block = {.interval = 1};
    struct table_handle handle;

    table->handle.size = 0;
    append_handle(&table->handle, filter);
    put_entry(&block, bytes_of(TABLE_FILTER_NAME), NULL, buffer_view(&table->handle));
    handle = append_block(table, end_block(&block), BLOCK_PLAIN);
    clear_block(&block);
    return handle;
}

void table_finish(struct table *table)
{
    struct table_handle filter, metaindex, index;
    size_t footer;

    end_data_block(table);
    filter = append_block(table, end_filters(table), BLOCK_PLAIN);
    metaindex = append_metaindex(table, filter);
    index = append_smaller(table, end_block(&table->index));
    footer = table->out.size;
    append_handle(&table->out, metaindex);
    append_handle(&table->out, index);
    while (table->out.size < footer + TABLE_FOOTER_HANDLES)
        buffer_append_byte(&table->out, '\0');
    append_u64(&table->out, TABLE_MAGIC);
    write_out(table, true);
}
