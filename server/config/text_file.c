#include "config/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"

int text_file_read(const char *path, struct buffer *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buffer whole = {0};
    ssize_t size = 1;
    int problem = 0;

    if (fd < 0)
        return errno;
    while (size > 0 && problem == 0) {
        char *room = buffer_reserve(&whole, 4096);

        size = read(fd, room, 4096);
        if (size > 0)
            whole.size += (size_t)size;
        else if (size < 0)
            problem = errno;
        if (whole.size > TEXT_FILE_MAX)
            problem = EFBIG;
    }
    close(fd);
    if (problem != 0)
        buffer_clear(&whole);
    else
        *text = whole;
    return problem;
}

static int sync_directory_of(const char *path)
{
    char *copy = xstrdup(path);
    int problem = directory_sync(dirname(copy));

    free(copy);
    return problem;
}

static int fill_and_rename(int fd, const char *from, const char *path, struct bytes text)
{
    struct stat old;
    mode_t mode = stat(path, &old) == 0 ? old.st_mode & 07777 : 0600;
    int problem = file_write_all(fd, text);

    if (problem != 0)
        return problem;
    if (fchmod(fd, mode) != 0 || fsync(fd) != 0 || rename(from, path) != 0)
        return errno;
    return 0;
}

int text_file_replace(const char *path, struct bytes text)
{
    struct buffer name = {0};
    int fd, problem;

    buffer_printf(&name, "%s.XXXXXX", path);
    buffer_append_byte(&name, '\0');
    fd = mkostemp(name.data, O_CLOEXEC);
    if (fd < 0) {
        problem = errno;
    } else {
        problem = fill_and_rename(fd, name.data, path, text);
        close(fd);
        if (problem != 0)
            unlink(name.data);
        else
            problem = sync_directory_of(path);
    }
    buffer_clear(&name);
    return problem;
}
