#include "store/table_check.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/process.h"
#include "base/wire.h"
#include "store/table_format.h"

#define TURN_BYTES ((uint64_t)256 << 10) /* then others get theirs */

static bool read_handle(struct bytes *from, struct table_handle *handle)
{
    return wire_read_varint(from, &handle->offset) && wire_read_varint(from, &handle->size);
}

static bool is_block_sound(struct bytes file, struct table_handle handle)
{
    struct bytes checked;

    if (handle.offset > file.size || handle.size > file.size - handle.offset ||
        file.size - handle.offset - handle.size < TABLE_BLOCK_TRAILER)
        return false;
    checked = (struct bytes){file.data + handle.offset, (size_t)handle.size + 1};
    return table_masked_crc(crc32c_extend(0, checked)) ==
           table_read_u32(checked.data + checked.size);
}

/* Every key of an index is stored whole. */
static bool read_entry(struct bytes *rest, struct table_handle *handle)
{
    uint64_t shared, key_size, value_size;
    struct bytes value;

    if (!wire_read_varint(rest, &shared) || !wire_read_varint(rest, &key_size) ||
        !wire_read_varint(rest, &value_size) || shared != 0 || key_size > rest->size ||
        value_size > rest->size - key_size)
        return false;
    (void)wire_take(rest, (size_t)key_size);
    value = wire_take(rest, (size_t)value_size);
    return read_handle(&value, handle);
}

/* Entries, and where each begins: u32*, their count u32. */
static bool split_index(struct bytes contents, struct bytes *entries)
{
    uint64_t tail;

    if (contents.size < sizeof(uint32_t))
        return false;
    tail = ((uint64_t)table_read_u32(contents.data + contents.size - sizeof(uint32_t)) + 1) *
           sizeof(uint32_t);
    *entries = (struct bytes){contents.data, contents.size - (size_t)tail};
    return tail <= contents.size;
}

static bool are_blocks_sound(struct bytes file, struct bytes index)
{
    struct table_handle handle;
    struct bytes entries;
    uint64_t turn_end = TURN_BYTES;

    if (!split_index(index, &entries))
        return false;
    while (entries.size > 0) {
        if (!read_entry(&entries, &handle) || !is_block_sound(file, handle))
            return false;
        if (handle.offset >= turn_end) {
            turn_end = handle.offset + TURN_BYTES;
            process_give_way();
        }
    }
    return true;
}

/* And all blocks that it names. */
static bool is_index_sound(struct bytes file, struct table_handle index)
{
    struct bytes contents;

    if (!is_block_sound(file, index))
        return false;
    contents = (struct bytes){file.data + index.offset, (size_t)index.size};
    return contents.data[contents.size] != BLOCK_PLAIN || are_blocks_sound(file, contents);
}

static bool is_table_sound(struct bytes file)
{
    struct bytes footer = {file.data + file.size - TABLE_FOOTER_SIZE, TABLE_FOOTER_SIZE};
    struct table_handle filters, index;

    return table_read_u64(footer.data + TABLE_FOOTER_HANDLES) == TABLE_MAGIC &&
           read_handle(&footer, &filters) && read_handle(&footer, &index) &&
           is_index_sound(file, filters) && is_index_sound(file, index);
}

bool table_is_sound(int file)
{
    struct stat about;
    bool is_sound;
    void *data;

    if (fstat(file, &about) != 0 || about.st_size < (off_t)TABLE_FOOTER_SIZE)
        return false;
    data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED)
        return false;
    is_sound = is_table_sound((struct bytes){data, (size_t)about.st_size});
    munmap(data, (size_t)about.st_size);
    return is_sound;
}
