#include "store/manifest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/log_file.h"
#include "store/table.h"

#define FILE_NAME_MAX 40
#define CURRENT       "CURRENT"
#define PREFIX        "MANIFEST-"
#define BYTES_MAX     ((off_t)1 << 30)  /* longer ones are no manifest */
#define TORN_MAX      ((size_t)1 << 20) /* no record that is being written is as long */
#define COMPARATOR    "leveldb.BytewiseComparator"

enum tag {
    TAG_COMPARATOR = 1, /* its name */
    TAG_LOG_NUMBER,     /* varint: older logs count no more */
    TAG_NEXT_NUMBER,    /* varint */
    TAG_LAST_SEQUENCE,  /* varint */
    TAG_COMPACTED,      /* level varint, key */
    TAG_DELETED_FILE,   /* level, number varint */
    TAG_NEW_FILE,       /* level, number, size varint; smallest and largest key */
    TAG_OLDER_LOG = 9   /* varint: one older log that counts */
};

/* ---------- what it says ---------- */

static void remember(struct manifest *manifest, int level, uint64_t number, uint64_t size,
                     struct bytes smallest, struct bytes largest)
{
    struct manifest_file file = {.level = level, .number = number, .size = size};

    manifest->files =
        xgrow(manifest->files, manifest->count, &manifest->capacity, sizeof *manifest->files);
    buffer_append_bytes(&file.smallest, smallest);
    buffer_append_bytes(&file.largest, largest);
    manifest->files[manifest->count++] = file;
}

static void forget(struct manifest_file *file)
{
    buffer_clear(&file->smallest);
    buffer_clear(&file->largest);
}

static void remove_file(struct manifest *manifest, int level, uint64_t number)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (manifest->files[i].number == number && manifest->files[i].level == level) {
            forget(&manifest->files[i]);
            manifest->files[i] = manifest->files[--manifest->count];
            return;
        }
}

void manifest_clear(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        forget(&manifest->files[i]);
    free(manifest->files);
    buffer_clear(&manifest->log);
    buffer_clear(&manifest->name);
    *manifest = (struct manifest){0};
}

static bool is_key(struct bytes stored)
{
    return stored.size >= TABLE_TRAILER_SIZE;
}

static bool take_new_file(struct manifest *manifest, struct bytes *record, uint64_t level)
{
    struct bytes smallest, largest;
    uint64_t number, size;

    if (!wire_read_varint(record, &number) || !wire_read_varint(record, &size) ||
        !wire_read_bytes(record, &smallest) || !wire_read_bytes(record, &largest) ||
        !is_key(smallest) || !is_key(largest))
        return false;
    remember(manifest, (int)level, number, size, smallest, largest);
    return true;
}

/* Changes of files begin with a level. */
static bool take_change(struct manifest *manifest, enum tag tag, struct bytes *record)
{
    struct bytes key;
    uint64_t level, number;

    if (!wire_read_varint(record, &level) || level >= MANIFEST_LEVELS)
        return false;
    if (tag == TAG_NEW_FILE)
        return take_new_file(manifest, record, level);
    if (tag == TAG_COMPACTED)
        return wire_read_bytes(record, &key);
    if (!wire_read_varint(record, &number))
        return false;
    remove_file(manifest, (int)level, number);
    return true;
}

static bool take_tag(struct manifest *manifest, uint64_t tag, struct bytes *record)
{
    struct bytes name;
    uint64_t number;

    switch (tag) {
    case TAG_COMPARATOR:
        return wire_read_bytes(record, &name) && bytes_equal(name, bytes_of(COMPARATOR));
    case TAG_LOG_NUMBER:
        return wire_read_varint(record, &manifest->log_number);
    case TAG_LAST_SEQUENCE:
        return wire_read_varint(record, &manifest->last_sequence);
    case TAG_NEXT_NUMBER:
    case TAG_OLDER_LOG:
        return wire_read_varint(record, &number);
    case TAG_COMPACTED:
    case TAG_DELETED_FILE:
    case TAG_NEW_FILE:
        return take_change(manifest, (enum tag)tag, record);
    default:
        return false;
    }
}

static bool take_record(struct manifest *manifest, struct bytes record)
{
    uint64_t tag;

    while (record.size > 0)
        if (!wire_read_varint(&record, &tag) || !take_tag(manifest, tag, &record))
            return false;
    return true;
}

/* All that are whole: *position ends before the first one that is not. */
static enum status take_records(struct manifest *manifest, size_t *position)
{
    struct buffer record = {0};
    enum status status = STATUS_OK;
    size_t next = *position;

    while (status == STATUS_OK && next < manifest->log.size &&
           log_file_read(buffer_view(&manifest->log), &next, &record)) {
        if (!take_record(manifest, buffer_view(&record)))
            status = STATUS_CORRUPT;
        else
            *position = next;
    }
    buffer_clear(&record);
    return status;
}

void manifest_begin(struct manifest *manifest, uint64_t log_number, uint64_t last_sequence)
{
    struct buffer record = {0};

    wire_put_varint(&record, TAG_COMPARATOR);
    wire_put_bytes(&record, bytes_of(COMPARATOR));
    wire_put_varint(&record, TAG_LOG_NUMBER);
    wire_put_varint(&record, log_number);
    wire_put_varint(&record, TAG_LAST_SEQUENCE);
    wire_put_varint(&record, last_sequence);
    log_file_append(&manifest->log, buffer_view(&record));
    buffer_clear(&record);
}

void manifest_add(struct manifest *manifest, int level, uint64_t number, uint64_t size,
                  struct bytes smallest, struct bytes largest)
{
    struct buffer record = {0};

    wire_put_varint(&record, TAG_NEW_FILE);
    wire_put_varint(&record, (uint64_t)level);
    wire_put_varint(&record, number);
    wire_put_varint(&record, size);
    wire_put_bytes(&record, smallest);
    wire_put_bytes(&record, largest);
    log_file_append(&manifest->log, buffer_view(&record));
    buffer_clear(&record);
    remember(manifest, level, number, size, smallest, largest);
}

/* ---------- files ---------- */

/* Appends what there is from `offset` on. */
static enum status read_file(int directory, const char *name, off_t offset, struct buffer *contents)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END) - offset;
    enum status status = STATUS_IO;

    if (size >= 0 && size <= BYTES_MAX &&
        pread(file, buffer_reserve(contents, (size_t)size + 1), (size_t)size, offset) == size) {
        contents->size += (size_t)size;
        status = STATUS_OK;
    }
    if (file >= 0)
        close(file);
    return status;
}

static enum status write_file(int directory, const char *name, struct bytes contents)
{
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    enum status status = STATUS_IO;

    if (file >= 0 && write(file, contents.data, contents.size) == (ssize_t)contents.size &&
        fsync(file) == 0)
        status = STATUS_OK;
    if (file >= 0)
        close(file);
    return status;
}

/* CURRENT has its name and a newline. */
static enum status read_current(int directory, struct buffer *name)
{
    enum status status = read_file(directory, CURRENT, 0, name);

    if (status != STATUS_OK)
        return status;
    if (name->size == 0 || name->data[name->size - 1] != '\n')
        return STATUS_CORRUPT;
    name->data[name->size - 1] = '\0';
    return STATUS_OK;
}

/* Whole blocks, as places in a log are counted from a block's beginning.  What is behind what was
 * taken is read anew the next time, when more of it is there. */
static void drop_all_but_last_block(struct manifest *manifest)
{
    size_t taken = manifest->position - manifest->position % LOG_FILE_BLOCK;

    manifest->log.size = manifest->position;
    buffer_consume(&manifest->log, taken);
    manifest->position -= taken;
    manifest->offset += taken;
}

enum status manifest_follow(struct manifest *manifest, int directory, bool *changed)
{
    size_t before = manifest->position;
    enum status status = STATUS_OK;

    if (manifest->name.size == 0)
        status = read_current(directory, &manifest->name);
    if (status == STATUS_OK)
        status = read_file(directory, manifest->name.data,
                           (off_t)(manifest->offset + manifest->log.size), &manifest->log);
    if (status == STATUS_OK)
        status = take_records(manifest, &manifest->position);
    if (manifest->log.size - manifest->position > TORN_MAX)
        status = STATUS_CORRUPT;
    *changed = manifest->position > before;
    drop_all_but_last_block(manifest);
    return status;
}

static void name_manifest(char name[FILE_NAME_MAX], uint64_t number)
{
    (void)snprintf(name, FILE_NAME_MAX, PREFIX "%06llu", (unsigned long long)number);
}

static enum status switch_current(int directory, uint64_t number)
{
    char temporary[FILE_NAME_MAX], text[FILE_NAME_MAX];
    enum status status;

    (void)snprintf(temporary, sizeof temporary, "%06llu.dbtmp", (unsigned long long)number);
    name_manifest(text, number);
    (void)strncat(text, "\n", sizeof text - strlen(text) - 1);
    status = write_file(directory, temporary, bytes_of(text));
    if (status == STATUS_OK &&
        (fsync(directory) != 0 || renameat(directory, temporary, directory, CURRENT) != 0 ||
         fsync(directory) != 0))
        status = STATUS_IO;
    return status;
}

enum status manifest_install(struct manifest *manifest, int directory, uint64_t number)
{
    struct buffer record = {0};
    char name[FILE_NAME_MAX];
    enum status status;

    wire_put_varint(&record, TAG_NEXT_NUMBER);
    wire_put_varint(&record, number + 1);
    log_file_append(&manifest->log, buffer_view(&record));
    buffer_clear(&record);
    name_manifest(name, number);
    status = write_file(directory, name, buffer_view(&manifest->log));
    return status == STATUS_OK ? switch_current(directory, number) : status;
}

bool manifest_take_back(int directory, uint64_t number)
{
    struct buffer current = {0};
    char name[FILE_NAME_MAX];
    bool is_free;

    name_manifest(name, number);
    is_free = read_current(directory, &current) == STATUS_OK && strcmp(current.data, name) != 0;
    if (is_free)
        (void)unlinkat(directory, name, 0);
    buffer_clear(&current);
    return is_free;
}

/* The number in the name of one of LevelDB's files, 0 = it is none. */
static uint64_t number_of(const char *name)
{
    const char *digits =
        bytes_starts_with(bytes_of(name), bytes_of(PREFIX)) ? name + strlen(PREFIX) : name;
    size_t count = strspn(digits, "0123456789");
    const char *suffix = digits + count;

    if (strcmp(suffix, ".log") != 0 && strcmp(suffix, ".ldb") != 0 && strcmp(suffix, ".sst") != 0 &&
        strcmp(suffix, ".dbtmp") != 0 && (digits == name || *suffix != '\0'))
        return 0;
    return strtoull(digits, NULL, 10);
}

/* The highest number of those files that `counts` says yes to. */
static enum status highest_number(int directory, bool (*counts)(const char *name), uint64_t *number)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *file;

    if (list == NULL) {
        if (copy >= 0)
            close(copy);
        return STATUS_IO;
    }
    *number = 0;
    while ((file = readdir(list)) != NULL)
        if (counts(file->d_name) && number_of(file->d_name) > *number)
            *number = number_of(file->d_name);
    closedir(list);
    return STATUS_OK;
}

static bool is_any(const char *name)
{
    (void)name;
    return true;
}

static bool is_log(const char *name)
{
    uint64_t number;

    return log_file_is_log(name, &number);
}

enum status manifest_free_number(int directory, uint64_t *number)
{
    enum status status = highest_number(directory, is_any, number);

    *number += status == STATUS_OK;
    return status;
}

enum status manifest_newest_log(int directory, uint64_t *number)
{
    return highest_number(directory, is_log, number);
}
