/* options_internal.h - the object behind options.h, for the files of this folder.
 *
 * options.c         the object: defaults, reading, conflicts
 * options_load.c    the command line and the config file
 * options_change.c  CONFIG GET and CONFIG SET
 * options_rewrite.c CONFIG REWRITE
 */
#ifndef CONFIG_OPTIONS_INTERNAL_H
#define CONFIG_OPTIONS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "config/option_format.h"
#include "config/words.h"

struct output_limit_cell {
    _Atomic int64_t hard_bytes;
    _Atomic int64_t soft_bytes;
    _Atomic int64_t soft_seconds;
};

/* The lines of a kind, the first words included. */
struct option_lines {
    struct option_line {
        struct words words;
        char *origin;
    } * at;
    size_t count;
};

struct options {
    _Atomic int64_t number[OPTION_COUNT];
    struct output_limit_cell output_limit[CLIENT_CLASS_COUNT];
    /* Computed by options_finish(), so nobody wrote it anywhere. */
    atomic_bool is_derived[OPTION_COUNT];

    /* One CONFIG SET or REWRITE at a time; taken before text_lock, held while hooks run. */
    pthread_mutex_t change_lock;
    pthread_mutex_t text_lock;
    struct bytes text[OPTION_COUNT]; /* text_lock; owned, as in option_value */

    /* Written before there are other threads. */
    struct {
        option_hook *call; /* NULL = none */
        void *context;
    } hook[OPTION_COUNT];
    char *origin[OPTION_COUNT]; /* "file x, line 3" or "command line"; NULL = it is the default */
    struct option_lines lines[LINE_KIND_COUNT];
    char *file; /* absolute path, or "" */
};

/* A copy; the caller clears it. */
struct option_value options_take_value(const struct options *options, enum option_id id);

/* Takes over the value's text. */
void options_store_value(struct options *options, enum option_id id, struct option_value value);

/* Appends what CONFIG GET shows: an override of the profile as the number that holds, a secret that
 * came from a file not at all. */
void options_print_shown(const struct options *options, enum option_id id, struct buffer *text);

/* Reads a config file's text into `options`.  `name` stands in error messages. */
enum status options_load_text(struct options *options, struct bytes text, const char *name,
                              bool may_include, char error[OPTIONS_ERROR_MAX]) MUST_USE;

#endif
