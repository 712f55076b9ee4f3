/* replay.c - runs a fuzz target on files, and on those in folders, without libFuzzer.
 *
 * So every input that was ever worth keeping is tried wherever there is a compiler.  A target that
 * fails ends the process. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz/target.h"

static int passed, failed;

/* In memory of exactly its size, so that a sanitizer sees a look behind its end. */
static uint8_t *read_all(FILE *file, size_t *size)
{
    struct stat status;
    uint8_t *data;

    if (fstat(fileno(file), &status) != 0 || (data = malloc((size_t)status.st_size)) == NULL)
        return NULL;
    *size = fread(data, 1, (size_t)status.st_size, file);
    return data;
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0;

    if (file != NULL) {
        data = read_all(file, &size);
        (void)fclose(file);
    }
    if (data == NULL) {
        perror(path);
        failed++;
        return;
    }
    printf("%s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    passed++;
}

static void replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char *name = NULL;

        if (entries[i]->d_name[0] != '.') {
            if (asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0)
                abort();
            replay_file(name);
        }
        free(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    struct stat status;

    for (int i = 1; i < argc; i++)
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    printf("replay: %d passed, %d failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
