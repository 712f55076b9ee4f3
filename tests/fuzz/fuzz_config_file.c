/* fuzz_config_file.c - whatever stands in a config file, it is read or refused in one line; and
 * what is shown of the options afterwards can be set again. */
#include <assert.h>

#include "config/options_internal.h"
#include "fuzz/target.h"

static void set_again(void *context, const char *name, struct bytes value)
{
    struct options *options = context;
    struct bytes words[] = {bytes_of(name), value};
    char error[OPTIONS_ERROR_MAX] = "";

    if (options_set(options, words, COUNT_OF(words), error) != STATUS_OK)
        assert(strstr(error, "can't set immutable config") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {(const char *)data, size}, all = bytes_of("*");
    struct options *options = options_create();
    char error[OPTIONS_ERROR_MAX] = "";

    if (options_load_text(options, text, "fuzz", false, error) == STATUS_OK)
        options_match(options, &all, 1, set_again, options);
    else
        assert(error[0] != '\0' && strchr(error, '\n') == NULL);
    options_destroy(options);
    return 0;
}
