/* replay.c - runs a fuzz target on files, and on those in folders, without libFuzzer.
 *
 * So every input that was ever worth keeping is tried wherever there is a compiler.  A target that
 * fails ends the process. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "fuzz/target.h"

static int passed, failed;

static void replay_file(const char *path)
{
    struct buffer input = {0};
    FILE *file = fopen(path, "rb");
    int byte;

    if (file == NULL) {
        perror(path);
        failed++;
        return;
    }
    while ((byte = fgetc(file)) != EOF)
        buffer_append_byte(&input, (char)byte);
    (void)fclose(file);
    printf("%s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.size);
    buffer_clear(&input);
    passed++;
}

static void replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        struct buffer name = {0};

        if (entries[i]->d_name[0] != '.') {
            buffer_printf(&name, "%s/%s%c", path, entries[i]->d_name, '\0');
            replay_file(name.data);
        }
        buffer_clear(&name);
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
