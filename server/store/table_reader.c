#include "store/table_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/wire.h"
#include "store/table.h"
#include "store/table_format.h"

/* A block with a longer key is left to LevelDB, behind that key.  The keys of Workers KV have 512
 * bytes; max-key-size may allow longer ones. */
#define KEY_MAX       1024
#define NAME_MAX_SIZE 40

/* A filter's last byte; LevelDB keeps larger ones for formats to come. */
#define PROBES_MAX 30

struct table_reader {
    struct bytes file;
    struct bytes index;  /* a block's contents */
    struct bytes filter; /* empty: there is none */
};

/* ---------- entries of a block ---------- */

/* The contents of a block, in its two parts. */
struct block {
    struct bytes entries;
    const char *restarts;
    uint32_t restart_count;
};

/* One entry after the other: `key` is the last one's, whole. */
struct cursor {
    struct bytes rest;
    struct bytes value;
    size_t key_size;
    char key[KEY_MAX];
};

static bool split_block(struct bytes contents, struct block *block)
{
    uint64_t restarts_size;

    if (contents.size < sizeof(uint32_t))
        return false;
    block->restart_count = table_read_u32(contents.data + contents.size - sizeof(uint32_t));
    restarts_size = ((uint64_t)block->restart_count + 1) * sizeof(uint32_t);
    if (block->restart_count == 0 || restarts_size > contents.size)
        return false;
    block->entries = (struct bytes){contents.data, contents.size - (size_t)restarts_size};
    block->restarts = contents.data + block->entries.size;
    return true;
}

/* What stands in front of an entry. */
enum { SHARED, UNSHARED, VALUE, ENTRY_SIZES };

/* They are nearly always of one byte each. */
static inline bool read_sizes(struct bytes *rest, uint64_t sizes[ENTRY_SIZES])
{
    const unsigned char *at = (const unsigned char *)rest->data;

    if (rest->size >= ENTRY_SIZES && (at[0] | at[1] | at[2]) < 0x80) {
        for (size_t i = 0; i < ENTRY_SIZES; i++)
            sizes[i] = at[i];
        *rest = (struct bytes){rest->data + ENTRY_SIZES, rest->size - ENTRY_SIZES};
        return true;
    }
    return wire_read_varint(rest, &sizes[SHARED]) && wire_read_varint(rest, &sizes[UNSHARED]) &&
           wire_read_varint(rest, &sizes[VALUE]);
}

/* False: damaged, or more than this reads. */
static bool read_entry(struct cursor *cursor)
{
    uint64_t sizes[ENTRY_SIZES];
    struct bytes *rest = &cursor->rest;

    if (!read_sizes(rest, sizes) || sizes[SHARED] > cursor->key_size ||
        sizes[UNSHARED] > KEY_MAX - sizes[SHARED] || sizes[UNSHARED] > rest->size ||
        sizes[VALUE] > rest->size - sizes[UNSHARED] ||
        sizes[SHARED] + sizes[UNSHARED] < TABLE_TRAILER_SIZE)
        return false;
    memcpy(cursor->key + sizes[SHARED], rest->data, (size_t)sizes[UNSHARED]);
    cursor->key_size = (size_t)(sizes[SHARED] + sizes[UNSHARED]);
    (void)wire_take(rest, (size_t)sizes[UNSHARED]);
    cursor->value = wire_take(rest, (size_t)sizes[VALUE]);
    return true;
}

/* Without what LevelDB adds. */
static struct bytes key_at(const struct cursor *cursor)
{
    return (struct bytes){cursor->key, cursor->key_size - TABLE_TRAILER_SIZE};
}

/* The next entry to be read is the one at a restart. */
static bool restart(const struct block *block, uint32_t number, struct cursor *cursor)
{
    uint32_t offset = table_read_u32(block->restarts + (size_t)number * sizeof offset);

    if (offset >= block->entries.size)
        return false;
    cursor->rest = (struct bytes){block->entries.data + offset, block->entries.size - offset};
    cursor->key_size = 0;
    return true;
}

/* The key at a restart is whole: it is compared where it lies. */
static bool restart_key(const struct block *block, uint32_t number, struct bytes *key)
{
    struct cursor at;
    uint64_t sizes[ENTRY_SIZES];

    if (!restart(block, number, &at) || !read_sizes(&at.rest, sizes) || sizes[SHARED] != 0 ||
        sizes[UNSHARED] > at.rest.size || sizes[UNSHARED] < TABLE_TRAILER_SIZE)
        return false;
    *key = (struct bytes){at.rest.data, (size_t)sizes[UNSHARED] - TABLE_TRAILER_SIZE};
    return true;
}

/* To the first entry whose key is not before `key`: TABLE_FOUND, or TABLE_ABSENT if all are. */
static enum table_answer seek(struct bytes contents, struct bytes key, struct cursor *cursor)
{
    struct block block;
    uint32_t low = 0, high;

    if (!split_block(contents, &block))
        return TABLE_UNKNOWN;
    for (high = block.restart_count - 1; low < high;) {
        uint32_t middle = low + (high - low + 1) / 2;
        struct bytes found;

        if (!restart_key(&block, middle, &found))
            return TABLE_UNKNOWN;
        if (bytes_compare(found, key) < 0)
            low = middle;
        else
            high = middle - 1;
    }
    if (!restart(&block, low, cursor))
        return TABLE_UNKNOWN;
    do {
        if (cursor->rest.size == 0)
            return TABLE_ABSENT;
        if (!read_entry(cursor))
            return TABLE_UNKNOWN;
    } while (bytes_compare(key_at(cursor), key) < 0);
    return TABLE_FOUND;
}

/* ---------- blocks ---------- */

static bool read_handle(struct bytes *from, struct table_handle *handle)
{
    return wire_read_varint(from, &handle->offset) && wire_read_varint(from, &handle->size);
}

/* A block that is not compressed, and lies in the file. */
static bool take_block(struct bytes file, struct table_handle handle, struct bytes *contents)
{
    if (handle.offset > file.size || handle.size > file.size - handle.offset ||
        file.size - handle.offset - handle.size < TABLE_BLOCK_TRAILER)
        return false;
    *contents = (struct bytes){file.data + handle.offset, (size_t)handle.size};
    return contents->data[contents->size] == BLOCK_PLAIN;
}

/* The same for one that is read so often that it is worth checking once. */
static bool take_sound_block(struct bytes file, struct table_handle handle, struct bytes *contents)
{
    struct bytes checked;

    if (!take_block(file, handle, contents))
        return false;
    checked = (struct bytes){contents->data, contents->size + 1};
    return table_masked_crc(crc32c_extend(0, checked)) ==
           table_read_u32(checked.data + checked.size);
}

/* ---------- the filter ---------- */

static bool has_bits(struct bytes filter, struct bytes key)
{
    uint32_t bits = (uint32_t)(filter.size - 1) * 8, hash, step;
    int probes = filter.data[filter.size - 1];

    if (probes < 0 || probes > PROBES_MAX)
        return true;
    hash = table_hash(key);
    step = table_hash_step(hash);
    for (int i = 0; i < probes; i++, hash += step) {
        uint32_t bit = hash % bits;

        if (((unsigned char)filter.data[bit / 8] >> bit % 8 & 1) == 0)
            return false;
    }
    return true;
}

/* Filters, where each begins, where that list begins, and a byte. */
static bool may_have(struct bytes filter, uint64_t block_offset, struct bytes key)
{
    const size_t tail = sizeof(uint32_t) + 1;
    uint64_t number, count;
    uint32_t list, begin, end;
    const char *at;

    if (filter.size < tail)
        return true;
    list = table_read_u32(filter.data + filter.size - tail);
    if (list > filter.size - tail || filter.data[filter.size - 1] != TABLE_FILTER_SHIFT)
        return true;
    number = block_offset >> TABLE_FILTER_SHIFT;
    count = (filter.size - tail - list) / sizeof(uint32_t);
    if (number >= count)
        return true;
    at = filter.data + list + number * sizeof(uint32_t);
    begin = table_read_u32(at);
    end = table_read_u32(at + sizeof(uint32_t)); /* behind the last one: where the list begins */
    if (begin > end || end > list)
        return true;
    return end - begin >= 2 && has_bits((struct bytes){filter.data + begin, end - begin}, key);
}

/* ---------- the file ---------- */

/* Empty if there is none that this can read: then every block is looked into. */
static struct bytes find_filter(struct bytes file, struct bytes index_of_filters)
{
    struct bytes name = bytes_of(TABLE_FILTER_NAME), rest, filter;
    uint64_t sizes[ENTRY_SIZES];
    struct table_handle handle;
    struct block block;

    /* These keys have no trailer, and there is one at most. */
    if (!split_block(index_of_filters, &block))
        return (struct bytes){"", 0};
    rest = block.entries;
    if (!read_sizes(&rest, sizes) || sizes[SHARED] != 0 || sizes[UNSHARED] != name.size ||
        rest.size < name.size || !bytes_equal(wire_take(&rest, name.size), name) ||
        !read_handle(&rest, &handle) || !take_sound_block(file, handle, &filter))
        return (struct bytes){"", 0};
    return filter;
}

static bool read_footer(struct table_reader *reader)
{
    struct table_handle filters, index;
    struct bytes footer, contents;

    if (reader->file.size < TABLE_FOOTER_SIZE)
        return false;
    footer = (struct bytes){reader->file.data + reader->file.size - TABLE_FOOTER_SIZE,
                            TABLE_FOOTER_SIZE};
    if (table_read_u64(footer.data + TABLE_FOOTER_HANDLES) != TABLE_MAGIC ||
        !read_handle(&footer, &filters) || !read_handle(&footer, &index) ||
        !take_sound_block(reader->file, index, &reader->index) ||
        !take_sound_block(reader->file, filters, &contents))
        return false;
    reader->filter = find_filter(reader->file, contents);
    return true;
}

static enum status map(int file, uint64_t size, struct bytes *mapped)
{
    struct stat about;
    void *data;

    if (fstat(file, &about) != 0 || about.st_size <= 0 || (uint64_t)about.st_size != size)
        return STATUS_CORRUPT;
    data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file, 0);
    *mapped = (struct bytes){data, (size_t)size};
    return data == MAP_FAILED ? STATUS_IO : STATUS_OK;
}

static enum status map_number(int directory, uint64_t number, uint64_t size, struct bytes *mapped)
{
    char name[NAME_MAX_SIZE];
    enum status status;
    int file;

    (void)snprintf(name, sizeof name, "%06llu.ldb", (unsigned long long)number);
    file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? STATUS_CORRUPT : STATUS_IO;
    status = map(file, size, mapped);
    close(file);
    return status;
}

enum status table_reader_open(int directory, uint64_t number, uint64_t size,
                              struct table_reader **reader)
{
    struct bytes mapped;
    enum status status = map_number(directory, number, size, &mapped);
    struct table_reader *opened;

    if (status != STATUS_OK)
        return status;
    opened = xcalloc(1, sizeof *opened);
    opened->file = mapped;
    if (!read_footer(opened)) {
        table_reader_close(opened);
        return STATUS_CORRUPT;
    }
    *reader = opened;
    return STATUS_OK;
}

void table_reader_close(struct table_reader *reader)
{
    if (reader == NULL)
        return;
    munmap((void *)(uintptr_t)reader->file.data, reader->file.size);
    free(reader);
}

enum table_answer table_reader_find(const struct table_reader *reader, struct bytes key,
                                    struct bytes *value)
{
    struct table_handle handle;
    struct cursor cursor;
    struct bytes block;
    enum table_answer answer = seek(reader->index, key, &cursor);

    if (answer != TABLE_FOUND)
        return answer;
    if (!read_handle(&cursor.value, &handle))
        return TABLE_UNKNOWN;
    if (!may_have(reader->filter, handle.offset, key))
        return TABLE_ABSENT;
    if (!take_block(reader->file, handle, &block))
        return TABLE_UNKNOWN;
    answer = seek(block, key, &cursor);
    if (answer != TABLE_FOUND)
        return answer;
    if (!bytes_equal(key_at(&cursor), key))
        return TABLE_ABSENT;
    *value = cursor.value;
    switch (cursor.key[cursor.key_size - TABLE_TRAILER_SIZE]) {
    case TABLE_TYPE_DELETED:
        return TABLE_DELETED;
    case TABLE_TYPE_VALUE:
        return TABLE_FOUND;
    default:
        return TABLE_UNKNOWN;
    }
}
