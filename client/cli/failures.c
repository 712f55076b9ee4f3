#include "failures.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pair.h"
#include "session.h"

static bool is_same_file(const char *path, const char *other)
{
    struct stat one, two;

    return other != NULL && stat(path, &one) == 0 && stat(other, &two) == 0 &&
           one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

enum cli_exit failures_open(struct failures *failures, const char *path, const char *input)
{
    *failures = (struct failures){.path = path};
    if (path == NULL)
        return CLI_EXIT_OK;
    if (is_same_file(path, input))
        return FAIL(CLI_EXIT_USAGE, "--failed %s: that is the file to be read", path);
    failures->file = fopen(path, "wbe");
    if (failures->file == NULL)
        return FAIL(CLI_EXIT_USAGE, "cannot write %s: %s", path, strerror(errno));
    return CLI_EXIT_OK;
}

void failures_add(struct failures *failures, struct bytes element, const char *why)
{
    struct buffer line = {0};

    failures->count++;
    if (failures->count <= FAILURES_TOLD_MAX)
        complain("%s", why);
    else if (failures->count == FAILURES_TOLD_MAX + 1)
        complain("more fail, which are not told one by one");
    if (failures->file == NULL)
        return;
    pair_append_text(&line, element);
    buffer_append_text(&line, "\n");
    (void)fwrite(line.data, 1, line.size, failures->file);
    buffer_clear(&line);
}

enum cli_exit failures_close(struct failures *failures)
{
    bool is_written;

    if (failures->file == NULL)
        return CLI_EXIT_OK;
    is_written = ferror(failures->file) == 0;
    is_written = fclose(failures->file) == 0 && is_written;
    if (!is_written)
        return FAIL(CLI_EXIT_USAGE, "cannot write %s: %s", failures->path, strerror(errno));
    if (failures->count == 0)
        (void)unlink(failures->path);
    return CLI_EXIT_OK;
}
