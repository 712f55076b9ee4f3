#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int file_write_all(int file, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t size = write(file, bytes.data, bytes.size);

        if (size < 0 && errno != EINTR)
            return errno;
        if (size == 0)
            return EIO;
        if (size > 0)
            bytes = (struct bytes){bytes.data + size, bytes.size - (size_t)size};
    }
    return 0;
}

int directory_sync(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int problem = directory < 0 || fsync(directory) != 0 ? errno : 0;

    if (directory >= 0)
        close(directory);
    return problem;
}
