/* option_table.h - one row for each option; the other files of this folder read it.
 *
 * A default is written as a user would write it and goes through the same parser.
 */
#ifndef CONFIG_OPTION_TABLE_H
#define CONFIG_OPTION_TABLE_H

#include "config/options.h"

enum option_type {
    /* numbers: min and max hold, inclusive */
    TYPE_INTEGER,
    TYPE_SIZE,  /* bytes, also as 10kb, 256mb, 1gb */
    TYPE_OCTAL, /* a file mode */
    TYPE_SWITCH,
    TYPE_CHOICE, /* one of `choices` */
    /* texts */
    TYPE_BYTES,           /* min, max: its length; any bytes, a zero too */
    TYPE_TEXT,            /* the same without a zero byte; those below are such texts, too */
    TYPE_EVENTS,          /* the letters of notify-keyspace-events */
    TYPE_SIZE_OR_PERCENT, /* as a size, or 0% .. 100% */
    /* texts that are lists of words */
    TYPE_WORDS,       /* any number of words; max: how many */
    TYPE_ADDRESSES,   /* as TYPE_WORDS, each host:port */
    TYPE_SAVE_POINTS, /* pairs of seconds and changes */
    TYPE_OUTPUT_LIMITS,
    TYPE_PERCENTILES,
    TYPE_COUNT
};

enum option_change {
    CHANGE_ANYTIME, /* CONFIG SET; whoever uses the option reads it each time, or has a hook */
    CHANGE_BY_HOOK, /* CONFIG SET if it has a hook; else only to the value it has */
    CHANGE_NEVER,   /* CONFIG SET is refused, as in Redis */
};

enum {
    FLAG_SECRET = 1,  /* not for logs */
    FLAG_ADDS_UP = 2, /* given again at start, it adds to what was given before */
    FLAG_HIDDEN = 4,  /* CONFIG GET shows it only if asked by its whole name; not in --help */
    FLAG_IGNORED = 8, /* changes nothing here */
    FLAG_FILE = 16,   /* names a file that is read: set to the same name, it is read again */
};

/* Of maxmemory-policy's choices those that mean something here. */
enum { POLICY_VOLATILE_LFU = 1, POLICY_ALLKEYS_LFU = 5, POLICY_NOEVICTION = 7 };

struct option_choice {
    const char *word; /* NULL ends the list */
    int value;
};

struct option_row {
    const char *name;
    enum option_type type;
    enum option_change change;
    unsigned flags;
    const char *default_text;
    int64_t min;
    int64_t max;
    const struct option_choice *choices;
    const char *help; /* one line */
};

extern const struct option_row option_rows[OPTION_COUNT];

/* By name, in any case. */
bool option_find(struct bytes name, enum option_id *id) MUST_USE;

/* The option's name if one is close to what was written, else NULL. */
const char *option_suggest(struct bytes name);

/* Is it one of those that override a number of the limits' profile?  Their ranges are limit_rules'.
 */
bool option_is_limit(enum option_id id, enum limit *limit);
void option_range(enum option_id id, int64_t *min, int64_t *max);

static inline bool option_type_is_text(enum option_type type)
{
    return type >= TYPE_BYTES;
}

/* May several words stand on a line? */
static inline bool option_type_is_list(enum option_type type)
{
    return type >= TYPE_WORDS && type <= TYPE_PERCENTILES;
}

#endif
