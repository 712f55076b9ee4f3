#include "store/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define MARK      "GRAPEVINE"
#define MARK_TEXT "Grapevine data directory, format %d\n"

/* What may lie in a new data directory: a server's own surroundings. */
static const char *const harmless[] = {".*",    "lost+found", "*.conf", "*.pid",      "*.sock",
                                       "*.acl", "*.out",      "*.err",  "std*",       "*.txt",
                                       "*.pem", "*.crt",      "*.key",  "[!0-9]*.log"};

static enum status fail(enum status status, char *error, size_t size, const char *path,
                        const char *what)
{
    (void)snprintf(error, size, "the data directory %s %s", path, what);
    return status;
}

static enum status fail_errno(char *error, size_t size, const char *path, const char *doing)
{
    (void)snprintf(error, size, "the data directory %s %s: %s", path, doing, strerror(errno));
    return STATUS_IO;
}

/* mkdir -p; false with errno set. */
static bool make_path(const char *path)
{
    char *copy = xstrdup(path);
    bool is_made = true;

    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        is_made = mkdir(copy, 0755) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_made)
            break;
    }
    if (is_made)
        is_made = mkdir(copy, 0755) == 0 || errno == EEXIST;
    free(copy);
    return is_made;
}

static bool is_harmless(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(harmless); i++)
        if (fnmatch(harmless[i], name, 0) == 0)
            return true;
    return false;
}

/* The name of a file that a new data directory would not have, or "". */
static void find_foreign_file(DIR *directory, char *name, size_t size)
{
    struct dirent *file;

    name[0] = '\0';
    while (name[0] == '\0' && (file = readdir(directory)) != NULL)
        if (!is_harmless(file->d_name))
            (void)snprintf(name, size, "%s", file->d_name);
}

static enum status check_is_new(const char *path, char *error, size_t size)
{
    char name[256], what[512];
    DIR *directory = opendir(path);

    if (directory == NULL)
        return fail_errno(error, size, path, "can't be opened");
    find_foreign_file(directory, name, sizeof name);
    closedir(directory);
    if (name[0] == '\0')
        return STATUS_OK;
    (void)snprintf(what, sizeof what,
                   "is not Grapevine's: it holds %s; choose an empty one with --dir", name);
    return fail(STATUS_FOREIGN, error, size, path, what);
}

static enum status write_mark(int file, const char *path, char *error, size_t size)
{
    char text[64];
    int length = snprintf(text, sizeof text, MARK_TEXT, DIRECTORY_FORMAT);

    if (write(file, text, (size_t)length) != length || fsync(file) != 0)
        return fail_errno(error, size, path, "can't be written");
    return STATUS_OK;
}

static enum status check_mark(int file, const char *path, char *error, size_t size)
{
    char text[64], what[256];
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    int format;

    if (length == 0)
        return write_mark(file, path, error, size);
    text[length > 0 ? length : 0] = '\0';
    if (sscanf(text, MARK_TEXT, &format) != 1)
        return fail(STATUS_FOREIGN, error, size, path,
                    "is not Grapevine's: its file " MARK " says something else");
    if (format == DIRECTORY_FORMAT)
        return STATUS_OK;
    if (format > 0 && format < DIRECTORY_FORMAT)
        return ftruncate(file, 0) == 0 ? write_mark(file, path, error, size)
                                       : fail_errno(error, size, path, "can't be written");
    (void)snprintf(what, sizeof what,
                   "has format %d, but this version of Grapevine reads formats up to %d only",
                   format, DIRECTORY_FORMAT);
    return fail(STATUS_FOREIGN, error, size, path, what);
}

static enum status lock_and_check(int file, const char *path, char *error, size_t size)
{
    if (flock(file, LOCK_EX | LOCK_NB) != 0)
        return fail(STATUS_LOCKED, error, size, path,
                    "is in use by another server; stop it or choose another one with --dir");
    return check_mark(file, path, error, size);
}

enum status directory_claim(const char *path, int *lock_file, char *error, size_t error_size)
{
    char mark[4096];
    enum status status;
    int file;

    if (!make_path(path))
        return fail_errno(error, error_size, path, "can't be created");
    if (snprintf(mark, sizeof mark, "%s/%s", path, MARK) >= (int)sizeof mark)
        return fail(STATUS_IO, error, error_size, path, "has too long a name");
    if (access(mark, F_OK) != 0) {
        status = check_is_new(path, error, error_size);
        if (status != STATUS_OK)
            return status;
    }
    file = open(mark, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0)
        return fail_errno(error, error_size, path, "can't be written");
    status = lock_and_check(file, path, error, error_size);
    if (status != STATUS_OK)
        close(file);
    else
        *lock_file = file;
    return status;
}
