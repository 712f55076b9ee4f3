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
#define PROBES_MAX        30
#define PROBES_PREFETCHED 3

/* What is read of a run of entries in the mean, if they are of 100 bytes. */
#define RUN_PREFETCHED 1024

/* A shorter one is that of no key. */
#define FILTER_SIZE_MIN 2

struct table_reader {
    struct bytes file;
    struct bytes index;    /* a block's contents */
    struct bytes filter;   /* empty: there is none */
    struct fences *fences; /* NULL: there are none */
    size_t fence_bytes;
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

/* The first restart from `low` on whose key is not before `key`, or `high`; false: damaged. */
static bool first_restart(const struct block *block, uint32_t low, uint32_t high, struct bytes key,
                          uint32_t *first)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct bytes found;

        if (!restart_key(block, middle, &found))
            return false;
        if (bytes_compare(found, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *first = low;
    return true;
}

/* Up to the next restart entries are read one after the other, each of which says where the next
 * one begins: of cold memory the processor sees that too late. */
static void prefetch_run(const struct block *block, uint32_t next, struct bytes rest)
{
    const char *end = rest.data + (rest.size < RUN_PREFETCHED ? rest.size : RUN_PREFETCHED);
    struct cursor after;

    if (next < block->restart_count && restart(block, next, &after) && after.rest.data < end)
        end = after.rest.data;
    for (const char *at = rest.data + CACHE_LINE; at < end; at += CACHE_LINE)
        PREFETCH(at);
}

/* To the first entry whose key is not before `key`: TABLE_FOUND, or TABLE_ABSENT if all are.  It
 * is behind the last restart before `key`. */
static enum table_answer seek(struct bytes contents, struct bytes key, struct cursor *cursor)
{
    struct block block;
    uint32_t next;

    if (!split_block(contents, &block) ||
        !first_restart(&block, 1, block.restart_count, key, &next) ||
        !restart(&block, next - 1, cursor))
        return TABLE_UNKNOWN;
    prefetch_run(&block, next, cursor->rest);
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

static bool lies_within(struct bytes file, struct table_handle handle)
{
    return handle.offset <= file.size && handle.size <= file.size - handle.offset &&
           file.size - handle.offset - handle.size >= TABLE_BLOCK_TRAILER;
}

/* Not compressed.  The byte is behind the contents. */
static bool is_plain(struct bytes contents)
{
    return contents.data[contents.size] == BLOCK_PLAIN;
}

/* A block that is read so often that it is worth checking once. */
static bool take_sound_block(struct bytes file, struct table_handle handle, struct bytes *contents)
{
    struct bytes checked;

    if (!lies_within(file, handle))
        return false;
    *contents = (struct bytes){file.data + handle.offset, (size_t)handle.size};
    checked = (struct bytes){contents->data, contents->size + 1};
    return is_plain(*contents) && table_masked_crc(crc32c_extend(0, checked)) ==
                                      table_read_u32(checked.data + checked.size);
}

/* ---------- the filter ---------- */

static bool has_bits(struct bytes filter, uint32_t hash)
{
    uint32_t bits = (uint32_t)(filter.size - 1) * 8, step = table_hash_step(hash);
    unsigned probes = (unsigned char)filter.data[filter.size - 1];

    if (probes > PROBES_MAX)
        return true;
    for (unsigned i = 0; i < probes; i++, hash += step) {
        uint32_t bit = hash % bits;

        if (((unsigned char)filter.data[bit / 8] >> bit % 8 & 1) == 0)
            return false;
    }
    return true;
}

/* Most keys that are not there are known by so many probes. */
static void prefetch_bits(struct bytes filter, uint32_t hash)
{
    uint32_t bits, step = table_hash_step(hash);

    if (filter.size < FILTER_SIZE_MIN)
        return;
    bits = (uint32_t)(filter.size - 1) * 8;
    PREFETCH(&filter.data[filter.size - 1]);
    for (int i = 0; i < PROBES_PREFETCHED; i++, hash += step)
        PREFETCH(&filter.data[hash % bits / 8]);
}

static bool may_have(struct bytes filter, uint32_t hash)
{
    return filter.size >= FILTER_SIZE_MIN && has_bits(filter, hash);
}

/* Filters, where each begins, where that list begins, and a byte.  False: not as it should be. */
static bool filter_of(struct bytes filters, uint64_t block_offset, struct bytes *filter)
{
    const size_t tail = sizeof(uint32_t) + 1;
    uint64_t number, count;
    uint32_t list, begin, end;
    const char *at;

    if (filters.size < tail)
        return false;
    list = table_read_u32(filters.data + filters.size - tail);
    if (list > filters.size - tail || filters.data[filters.size - 1] != TABLE_FILTER_SHIFT)
        return false;
    number = block_offset >> TABLE_FILTER_SHIFT;
    count = (filters.size - tail - list) / sizeof(uint32_t);
    if (number >= count)
        return false;
    at = filters.data + list + number * sizeof(uint32_t);
    begin = table_read_u32(at);
    end = table_read_u32(at + sizeof(uint32_t)); /* behind the last one: where the list begins */
    if (begin > end || end > list)
        return false;
    *filter = (struct bytes){filters.data + begin, end - begin};
    return true;
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
    fences_destroy(reader->fences);
    free(reader);
}

/* ---------- fences ---------- */

/* What all keys of the index but the last begin with: that one may be shortened to anything behind
 * the block (N1).  False: damaged. */
static bool shared_prefix(const struct block *index, struct bytes *prefix)
{
    struct bytes first, last;

    *prefix = (struct bytes){"", 0};
    if (index->restart_count == 1)
        return true;
    if (!restart_key(index, 0, &first) || !restart_key(index, index->restart_count - 2, &last))
        return false;
    *prefix = bytes_shared_prefix(first, last);
    return true;
}

/* The last block that was looked at. */
struct walk {
    struct cursor cursor; /* in the index */
    struct table_handle handle;
    struct bytes filter;
};

static uint64_t end_of(struct table_handle handle)
{
    return handle.offset + handle.size + TABLE_BLOCK_TRAILER;
}

/* To the next block: its entry begins at a restart, itself and its filter where the ones before
 * end.  False: the table is damaged, or made in another way. */
static bool walk_on(const struct table_reader *reader, const struct block *index, uint32_t number,
                    struct walk *walk)
{
    const char *at = walk->cursor.rest.data, *filter_end = walk->filter.data + walk->filter.size;
    uint64_t end = end_of(walk->handle);

    if (!restart(index, number, &walk->cursor) || walk->cursor.rest.data != at ||
        !read_entry(&walk->cursor) || !read_handle(&walk->cursor.value, &walk->handle) ||
        !lies_within(reader->file, walk->handle) ||
        !filter_of(reader->filter, walk->handle.offset, &walk->filter))
        return false;
    return number == 0 || (walk->handle.offset == end && walk->filter.data == filter_end);
}

static bool fill_fences(const struct table_reader *reader, const struct block *index,
                        struct bytes prefix, struct fences *fences)
{
    const char *filters = reader->filter.data;
    struct walk walk = {.cursor.rest = index->entries, .filter = {filters, 0}};

    for (uint32_t i = 0; i < index->restart_count; i++) {
        if (!walk_on(reader, index, i, &walk) ||
            (i + 1 < index->restart_count && !bytes_starts_with(key_at(&walk.cursor), prefix)))
            return false;
        fences_set(fences, i, key_at(&walk.cursor), (uint32_t)walk.handle.offset,
                   (uint32_t)(walk.filter.data - filters));
    }
    fences_set(fences, index->restart_count, key_at(&walk.cursor), (uint32_t)end_of(walk.handle),
               (uint32_t)(walk.filter.data + walk.filter.size - filters));
    return walk.cursor.rest.size == 0;
}

size_t table_reader_add_fences(struct table_reader *reader, size_t bytes_max)
{
    struct bytes prefix;
    struct block index;
    struct fences *fences;
    size_t cost;

    if (reader->file.size > UINT32_MAX || !split_block(reader->index, &index) ||
        !shared_prefix(&index, &prefix))
        return 0;
    cost = fences_cost(index.restart_count, prefix.size);
    if (cost > bytes_max)
        return 0;
    fences = fences_create(index.restart_count, prefix);
    if (!fill_fences(reader, &index, prefix, fences)) {
        fences_destroy(fences);
        return 0;
    }
    fences_seal(fences);
    reader->fences = fences;
    reader->fence_bytes = cost;
    return cost;
}

size_t table_reader_fence_bytes(const struct table_reader *reader)
{
    return reader->fence_bytes;
}

/* ---------- searching ---------- */

uint32_t table_search_hash(struct bytes key)
{
    return table_hash(key);
}

void table_search_begin(struct table_search *search, const struct table_reader *reader,
                        struct bytes key, uint32_t hash)
{
    search->reader = reader;
    search->key = key;
    search->hash = hash;
    search->answer = TABLE_FOUND;
    if (reader->fences != NULL)
        fences_begin(&search->at, reader->fences, key);
}

/* The block that may have the key, by the index: its contents and its filter. */
static enum table_answer find_block(struct table_search *search)
{
    const struct table_reader *reader = search->reader;
    struct table_handle handle;
    struct cursor cursor;
    enum table_answer answer = seek(reader->index, search->key, &cursor);

    if (answer != TABLE_FOUND)
        return answer;
    if (!read_handle(&cursor.value, &handle) || !lies_within(reader->file, handle))
        return TABLE_UNKNOWN;
    search->has_filter = filter_of(reader->filter, handle.offset, &search->filter);
    search->block = (struct bytes){reader->file.data + handle.offset, (size_t)handle.size};
    return TABLE_FOUND;
}

/* The same by fences. */
static enum table_answer find_fenced_block(struct table_search *search)
{
    const struct table_reader *reader = search->reader;
    struct fence_place place;
    size_t low, high;
    uint32_t number;
    struct block index;

    fences_find(&search->at, &low, &high);
    number = (uint32_t)low;
    if (UNLIKELY(low < high) &&
        (!split_block(reader->index, &index) ||
         !first_restart(&index, number, (uint32_t)high, search->key, &number)))
        return TABLE_UNKNOWN;
    place = fences_place(reader->fences, number);
    search->has_filter = true;
    search->filter = (struct bytes){reader->filter.data + place.filter_begin,
                                    place.filter_end - place.filter_begin};
    search->block = (struct bytes){reader->file.data + place.begin,
                                   place.end - place.begin - TABLE_BLOCK_TRAILER};
    return TABLE_FOUND;
}

void table_search_narrow(struct table_search *search)
{
    search->answer =
        search->reader->fences != NULL ? find_fenced_block(search) : find_block(search);
    if (search->answer == TABLE_FOUND && search->has_filter)
        prefetch_bits(search->filter, search->hash);
}

static enum table_answer find_row(const struct table_search *search, struct bytes *value)
{
    struct cursor cursor;
    enum table_answer answer;

    if (!is_plain(search->block))
        return TABLE_UNKNOWN;
    answer = seek(search->block, search->key, &cursor);
    if (answer != TABLE_FOUND)
        return answer;
    if (!bytes_equal(key_at(&cursor), search->key))
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

enum table_answer table_search_end(const struct table_search *search, struct bytes *value)
{
    if (search->answer != TABLE_FOUND)
        return search->answer;
    if (search->has_filter && !may_have(search->filter, search->hash))
        return TABLE_ABSENT;
    return find_row(search, value);
}

enum table_answer table_reader_find(const struct table_reader *reader, struct bytes key,
                                    struct bytes *value)
{
    struct table_search search;

    table_search_begin(&search, reader, key, table_hash(key));
    table_search_narrow(&search);
    return table_search_end(&search, value);
}
