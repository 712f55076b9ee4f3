#include "store/tables.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/wire.h"
#include "store/table.h"

#define SUFFIX        ".loading" /* LevelDB takes no notice of such files */
#define FILE_NAME_MAX 40
#define CUTS_MAX      64 /* T3 */
#define CURRENT       "CURRENT"
#define COMPARATOR    "leveldb.BytewiseComparator"
#define MANIFEST      "MANIFEST-"
#define MANIFEST_MAX  ((off_t)1 << 30) /* longer ones are no manifest */

/* A manifest is a log: blocks in which each record, or piece of one, has a header of checksum u32,
 * size u16 and type u8; a header does not straddle blocks. */
#define LOG_BLOCK  32768
#define LOG_HEADER 7
enum log_type { LOG_FULL = 1, LOG_FIRST, LOG_MIDDLE, LOG_LAST };

/* What a record of it says: tag varint, and what belongs to the tag. */
#define TAG_COMPARATOR    1 /* its name */
#define TAG_LOG_NUMBER    2 /* varint: older logs count no more */
#define TAG_NEXT_NUMBER   3 /* varint */
#define TAG_LAST_SEQUENCE 4 /* varint */
#define TAG_NEW_FILE      7 /* level, number, size varint; smallest and largest key */

struct file {
    struct buffer smallest, largest; /* as they stand in files */
    uint64_t size;
    int file;
};

struct tables {
    int directory;
    uint64_t file_size;
    struct table *table; /* the one that is being written, NULL = none */
    struct file *files;
    size_t count, capacity;
    struct bytes bound; /* where a later file begins that was there before; NULL data = none */
    int cuts;           /* files that ended early */
    bool is_installed;
};

/* ---------- building ---------- */

static void name_loading(char name[FILE_NAME_MAX], size_t number)
{
    (void)snprintf(name, FILE_NAME_MAX, "%06zu" SUFFIX, number);
}

static void name_table(char name[FILE_NAME_MAX], uint64_t number)
{
    (void)snprintf(name, FILE_NAME_MAX, "%06llu.ldb", (unsigned long long)number);
}

struct tables *tables_create(const char *directory, uint64_t file_size)
{
    struct tables *tables = xcalloc(1, sizeof *tables);

    tables->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tables->file_size = file_size;
    return tables;
}

static void forget_file(struct tables *tables, size_t number)
{
    struct file *file = &tables->files[number];
    char name[FILE_NAME_MAX];

    name_loading(name, number);
    if (!tables->is_installed)
        (void)unlinkat(tables->directory, name, 0);
    if (file->file >= 0)
        close(file->file);
    buffer_clear(&file->smallest);
    buffer_clear(&file->largest);
}

void tables_destroy(struct tables *tables)
{
    if (tables == NULL)
        return;
    table_destroy(tables->table);
    for (size_t i = 0; i < tables->count; i++)
        forget_file(tables, i);
    free(tables->files);
    if (tables->directory >= 0)
        close(tables->directory);
    free(tables);
}

static struct bytes key_in(const struct buffer *stored)
{
    return (struct bytes){stored->data, stored->size - TABLE_TRAILER_SIZE};
}

/* Of the files that are there, where the first one behind the key begins. */
static struct bytes next_beginning(const struct tables *tables, struct bytes key)
{
    struct bytes next = {NULL, 0};

    for (size_t i = 0; i < tables->count; i++) {
        struct bytes smallest = key_in(&tables->files[i].smallest);

        if (bytes_compare(smallest, key) > 0 &&
            (next.data == NULL || bytes_compare(smallest, next) < 0))
            next = smallest;
    }
    return next;
}

static bool is_inside(const struct tables *tables, size_t number, struct bytes key)
{
    const struct file *file = &tables->files[number];
    struct bytes largest = tables->table != NULL && number + 1 == tables->count
                               ? table_last_key(tables->table)
                               : key_in(&file->largest);

    return bytes_compare(key, key_in(&file->smallest)) >= 0 && bytes_compare(key, largest) <= 0;
}

/* Does it go behind the last key of the file that is being written? */
static bool follows(const struct tables *tables, struct bytes key)
{
    return tables->table != NULL && bytes_compare(key, table_last_key(tables->table)) > 0 &&
           (tables->bound.data == NULL || bytes_compare(key, tables->bound) < 0);
}

bool tables_takes(const struct tables *tables, struct bytes key)
{
    if (follows(tables, key) || tables->count == 0)
        return true;
    for (size_t i = 0; i < tables->count; i++)
        if (is_inside(tables, i, key))
            return false;
    return tables->cuts < CUTS_MAX;
}

static enum status begin_file(struct tables *tables, struct bytes key)
{
    char name[FILE_NAME_MAX];
    int file;

    name_loading(name, tables->count);
    file = openat(tables->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        return STATUS_IO;
    if (tables->count == tables->capacity) {
        tables->capacity = tables->capacity == 0 ? 16 : tables->capacity * 2;
        tables->files = xrealloc(tables->files, tables->capacity * sizeof *tables->files);
    }
    tables->bound = next_beginning(tables, key);
    tables->files[tables->count] = (struct file){.file = file};
    table_append_key(&tables->files[tables->count++].smallest, key);
    tables->table = table_create(file);
    return STATUS_OK;
}

/* It begins to be written to disk here, and is waited for by tables_finish(). */
static enum status end_file(struct tables *tables)
{
    struct file *file = &tables->files[tables->count - 1];
    enum status status = table_finish(tables->table);

    table_append_key(&file->largest, table_last_key(tables->table));
    file->size = table_size(tables->table);
    table_destroy(tables->table);
    tables->table = NULL;
    if (status == STATUS_OK)
        (void)sync_file_range(file->file, 0, 0, SYNC_FILE_RANGE_WRITE);
    return status;
}

enum status tables_put(struct tables *tables, struct bytes key, struct bytes value)
{
    bool is_cut = tables->table != NULL && !follows(tables, key);
    enum status status = STATUS_OK;

    tables->cuts += is_cut;
    if (is_cut || (tables->table != NULL && table_size(tables->table) >= tables->file_size))
        status = end_file(tables);
    if (status == STATUS_OK && tables->table == NULL)
        status = begin_file(tables, key);
    if (status == STATUS_OK)
        table_put(tables->table, key, value);
    return status;
}

enum status tables_finish(struct tables *tables)
{
    enum status status = tables->table != NULL ? end_file(tables) : STATUS_OK;

    for (size_t i = 0; i < tables->count && status == STATUS_OK; i++) {
        if (fsync(tables->files[i].file) != 0)
            status = STATUS_IO;
        close(tables->files[i].file);
        tables->files[i].file = -1;
    }
    return status;
}

uint64_t tables_size(const struct tables *tables)
{
    uint64_t size = 0;

    for (size_t i = 0; i < tables->count; i++)
        size += tables->files[i].size;
    return size;
}

/* ---------- the manifest ---------- */

/* The number in a file's name as LevelDB gives it, 0 = none. */
static uint64_t number_of(const char *name)
{
    if (strncmp(name, MANIFEST, strlen(MANIFEST)) == 0)
        name += strlen(MANIFEST);
    return strstr(name, SUFFIX) != NULL ? 0 : strtoull(name, NULL, 10);
}

static DIR *list_directory(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);

    if (list == NULL && copy >= 0)
        close(copy);
    return list;
}

/* The first number above all that are in use. */
static enum status free_number(int directory, uint64_t *number)
{
    DIR *list = list_directory(directory);
    struct dirent *file;
    uint64_t newest = 0;

    if (list == NULL)
        return STATUS_IO;
    while ((file = readdir(list)) != NULL)
        if (number_of(file->d_name) > newest)
            newest = number_of(file->d_name);
    closedir(list);
    *number = newest + 1;
    return STATUS_OK;
}

static enum status read_file(int directory, const char *name, struct buffer *contents)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    enum status status = STATUS_IO;

    if (size >= 0 && size <= MANIFEST_MAX &&
        pread(file, buffer_reserve(contents, (size_t)size + 1), (size_t)size, 0) == size) {
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

static void append_piece(struct buffer *log, enum log_type type, struct bytes piece)
{
    char type_byte = (char)type;
    uint32_t crc = crc32c_extend(crc32c_extend(0, (struct bytes){&type_byte, 1}), piece);

    table_append_u32(log, table_masked_crc(crc));
    buffer_append_byte(log, (char)(piece.size & 0xff));
    buffer_append_byte(log, (char)(piece.size >> 8));
    buffer_append_byte(log, type_byte);
    buffer_append_bytes(log, piece);
}

static void append_record(struct buffer *log, struct bytes record)
{
    bool is_first = true, is_last = false;

    while (!is_last) {
        size_t room = LOG_BLOCK - log->size % LOG_BLOCK, size;

        for (; room < LOG_HEADER; room--)
            buffer_append_byte(log, '\0');
        room = LOG_BLOCK - log->size % LOG_BLOCK - LOG_HEADER;
        size = record.size < room ? record.size : room;
        is_last = size == record.size;
        if (is_last)
            append_piece(log, is_first ? LOG_FULL : LOG_LAST, wire_take(&record, size));
        else
            append_piece(log, is_first ? LOG_FIRST : LOG_MIDDLE, wire_take(&record, size));
        is_first = false;
    }
}

static void append_files(const struct tables *tables, int level, uint64_t first_number,
                         struct buffer *log)
{
    struct buffer record = {0};

    for (size_t i = 0; i < tables->count; i++) {
        record.size = 0;
        wire_put_varint(&record, TAG_NEW_FILE);
        wire_put_varint(&record, (uint64_t)level);
        wire_put_varint(&record, first_number + i);
        wire_put_varint(&record, tables->files[i].size);
        wire_put_bytes(&record, buffer_view(&tables->files[i].smallest));
        wire_put_bytes(&record, buffer_view(&tables->files[i].largest));
        append_record(log, buffer_view(&record));
    }
    record.size = 0;
    wire_put_varint(&record, TAG_NEXT_NUMBER);
    wire_put_varint(&record, first_number + tables->count + 1);
    append_record(log, buffer_view(&record));
    buffer_clear(&record);
}

/* How the manifest of an empty database begins. */
static void begin_manifest(uint64_t log_number, struct buffer *log)
{
    struct buffer record = {0};

    wire_put_varint(&record, TAG_COMPARATOR);
    wire_put_bytes(&record, bytes_of(COMPARATOR));
    wire_put_varint(&record, TAG_LOG_NUMBER);
    wire_put_varint(&record, log_number);
    wire_put_varint(&record, TAG_LAST_SEQUENCE);
    wire_put_varint(&record, 0);
    append_record(log, buffer_view(&record));
    buffer_clear(&record);
}

/* The manifest that counts now; CURRENT has its name and a newline. */
static enum status read_manifest(int directory, struct buffer *manifest)
{
    struct buffer name = {0};
    enum status status = read_file(directory, CURRENT, &name);

    if (status == STATUS_OK && (name.size == 0 || name.data[name.size - 1] != '\n'))
        status = STATUS_CORRUPT;
    if (status == STATUS_OK) {
        name.data[name.size - 1] = '\0';
        status = read_file(directory, name.data, manifest);
    }
    buffer_clear(&name);
    return status;
}

static enum status switch_current(int directory, uint64_t number)
{
    char temporary[FILE_NAME_MAX], text[FILE_NAME_MAX];
    enum status status;

    (void)snprintf(temporary, sizeof temporary, "%06llu.dbtmp", (unsigned long long)number);
    (void)snprintf(text, sizeof text, MANIFEST "%06llu\n", (unsigned long long)number);
    status = write_file(directory, temporary, bytes_of(text));
    if (status == STATUS_OK &&
        (fsync(directory) != 0 || renameat(directory, temporary, directory, CURRENT) != 0 ||
         fsync(directory) != 0))
        status = STATUS_IO;
    return status;
}

static enum status name_files(struct tables *tables, uint64_t first_number)
{
    char from[FILE_NAME_MAX], to[FILE_NAME_MAX];

    for (size_t i = 0; i < tables->count; i++) {
        name_loading(from, i);
        name_table(to, first_number + i);
        if (renameat(tables->directory, from, tables->directory, to) != 0)
            return STATUS_IO;
    }
    return STATUS_OK;
}

/* The manifest takes the number behind the files. */
static enum status write_manifest(struct tables *tables, int level, bool is_alone,
                                  uint64_t first_number)
{
    uint64_t number = first_number + tables->count;
    struct buffer manifest = {0};
    char name[FILE_NAME_MAX];
    enum status status = STATUS_OK;

    if (is_alone)
        begin_manifest(number, &manifest);
    else
        status = read_manifest(tables->directory, &manifest);
    (void)snprintf(name, sizeof name, MANIFEST "%06llu", (unsigned long long)number);
    if (status == STATUS_OK) {
        append_files(tables, level, first_number, &manifest);
        status = write_file(tables->directory, name, buffer_view(&manifest));
    }
    buffer_clear(&manifest);
    return status == STATUS_OK ? switch_current(tables->directory, number) : status;
}

static enum status install(struct tables *tables, int level, bool is_alone)
{
    uint64_t number;
    enum status status = free_number(tables->directory, &number);

    if (status == STATUS_OK)
        status = name_files(tables, number);
    if (status == STATUS_OK)
        status = write_manifest(tables, level, is_alone, number);
    tables->is_installed = status == STATUS_OK;
    return status;
}

enum status tables_install(struct tables *tables, int level)
{
    return tables->count == 0 ? STATUS_OK : install(tables, level, false);
}

enum status tables_install_alone(struct tables *tables, int level)
{
    return install(tables, level, true);
}

enum status tables_clean(int directory)
{
    DIR *list = list_directory(directory);
    struct dirent *file;

    if (list == NULL)
        return STATUS_IO;
    while ((file = readdir(list)) != NULL) {
        const char *dot = strrchr(file->d_name, '.');

        if (dot != NULL && strcmp(dot, SUFFIX) == 0)
            (void)unlinkat(directory, file->d_name, 0);
    }
    closedir(list);
    return STATUS_OK;
}
