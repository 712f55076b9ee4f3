#include "config/option_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/words.h"

/* The parts of option_parse()'s arguments that the types need. */
struct parse {
    enum option_id id;
    const struct option_row *row;
    struct bytes text;
    struct bytes old_text;
    char *problem;
};

static bool fail(const struct parse *parse, const char *problem)
{
    snprintf(parse->problem, OPTIONS_ERROR_MAX, "%s", problem);
    return false;
}

/* --- values --- */

struct option_value option_of_number(int64_t number)
{
    return (struct option_value){number, {NULL, 0}};
}

struct option_value option_of_text(struct buffer *collected)
{
    buffer_append_byte(collected, '\0');
    return (struct option_value){0, {collected->data, collected->size - 1}};
}

struct option_value option_value_copy(const struct option_value *value)
{
    struct option_value copy = *value;

    if (value->text.data != NULL)
        copy.text = xbytes_copy(value->text);
    return copy;
}

void option_value_clear(struct option_value *value)
{
    xbytes_free(value->text);
    *value = (struct option_value){0};
}

bool option_value_equal(const struct option_value *a, const struct option_value *b)
{
    return a->number == b->number && bytes_equal(a->text, b->text);
}

static bool take_text(struct buffer *collected, struct option_value *value)
{
    *value = option_of_text(collected);
    return true;
}

static void append_word(struct buffer *text, struct bytes word)
{
    if (text->size > 0)
        buffer_append_byte(text, ' ');
    buffer_append_bytes(text, word);
}

/* --- numbers --- */

static bool check_range(const struct parse *parse, int64_t number, struct option_value *value)
{
    int64_t min, max;

    option_range(parse->id, &min, &max);
    if (number >= min && number <= max) {
        *value = option_of_number(number);
        return true;
    }
    if (parse->row->type == TYPE_OCTAL)
        snprintf(parse->problem, OPTIONS_ERROR_MAX,
                 "argument must be between %" PRIo64 " and %" PRIo64 " inclusive", min, max);
    else
        snprintf(parse->problem, OPTIONS_ERROR_MAX,
                 "argument must be between %" PRId64 " and %" PRId64 " inclusive", min, max);
    return false;
}

static bool is_from_profile(const struct parse *parse, struct option_value *value)
{
    enum limit limit;

    if (!option_is_limit(parse->id, &limit) || !bytes_is_word(parse->text, "profile"))
        return false;
    *value = option_of_number(OPTION_FROM_PROFILE);
    return true;
}

static bool parse_integer(const struct parse *parse, struct option_value *value)
{
    int64_t number;

    if (is_from_profile(parse, value))
        return true;
    if (!bytes_to_int64(parse->text, &number))
        return fail(parse, "argument couldn't be parsed into an integer");
    return check_range(parse, number, value);
}

static bool parse_size(const struct parse *parse, struct option_value *value)
{
    int64_t number;

    if (is_from_profile(parse, value))
        return true;
    if (!bytes_to_size(parse->text, &number))
        return fail(parse, "argument must be a memory value");
    return check_range(parse, number, value);
}

static bool parse_octal(const struct parse *parse, struct option_value *value)
{
    int64_t number = 0;

    if (parse->text.size == 0 || parse->text.size > 10)
        return fail(parse, "argument couldn't be parsed as an octal number");
    for (size_t i = 0; i < parse->text.size; i++) {
        char c = parse->text.data[i];

        if (c < '0' || c > '7')
            return fail(parse, "argument couldn't be parsed as an octal number");
        number = number * 8 + (c - '0');
    }
    return check_range(parse, number, value);
}

static bool parse_switch(const struct parse *parse, struct option_value *value)
{
    bool is_yes = bytes_is_word(parse->text, "yes");

    if (!is_yes && !bytes_is_word(parse->text, "no"))
        return fail(parse, "argument must be 'yes' or 'no'");
    *value = option_of_number(is_yes);
    return true;
}

static void print_choices(const struct option_row *row, struct buffer *text)
{
    for (const struct option_choice *choice = row->choices; choice->word != NULL; choice++) {
        buffer_append_text(text, choice == row->choices ? "" : ", ");
        buffer_append_text(text, choice->word);
    }
}

static bool parse_choice(const struct parse *parse, struct option_value *value)
{
    struct buffer words = {0};

    for (const struct option_choice *choice = parse->row->choices; choice->word != NULL; choice++) {
        if (bytes_is_word(parse->text, choice->word)) {
            *value = option_of_number(choice->value);
            return true;
        }
    }
    print_choices(parse->row, &words);
    snprintf(parse->problem, OPTIONS_ERROR_MAX, "argument(s) must be one of the following: %.*s",
             (int)words.size, words.data);
    buffer_clear(&words);
    return false;
}

/* --- texts --- */

static bool parse_text(const struct parse *parse, struct option_value *value)
{
    struct buffer text = {0};

    if ((int64_t)parse->text.size < parse->row->min)
        return fail(parse, "argument can't be empty");
    if ((int64_t)parse->text.size > parse->row->max) {
        snprintf(parse->problem, OPTIONS_ERROR_MAX, "argument is longer than %" PRId64 " bytes",
                 parse->row->max);
        return false;
    }
    buffer_append_bytes(&text, parse->text);
    return take_text(&text, value);
}

static bool parse_words(const struct parse *parse, struct option_value *value)
{
    struct bytes rest = parse->text, word;
    struct buffer text = {0};
    int64_t count = 0;

    while (words_next(&rest, &word)) {
        append_word(&text, word);
        count++;
    }
    if (count > parse->row->max) {
        buffer_clear(&text);
        return fail(parse, parse->id == OPTION_BIND ? "Too many bind addresses specified."
                                                    : "too many words");
    }
    return take_text(&text, value);
}

static bool parse_addresses(const struct parse *parse, struct option_value *value)
{
    struct bytes rest = parse->text, word;

    while (words_next(&rest, &word)) {
        if (!bytes_is_address(word))
            return fail(parse, "argument must be host:port, with a port from 1 to 65535");
    }
    return parse_words(parse, value);
}

static bool parse_save_points(const struct parse *parse, struct option_value *value)
{
    struct bytes rest = parse->text, word;
    struct buffer text = {0};
    int64_t number, count = 0;

    while (words_next(&rest, &word)) {
        int64_t least = count++ % 2 == 0 ? 1 : 0;

        if (!bytes_to_int64(word, &number) || number < least)
            goto invalid;
        append_word(&text, word);
    }
    if (count % 2 != 0)
        goto invalid;
    return take_text(&text, value);

invalid:
    buffer_clear(&text);
    return fail(parse, "Invalid save parameters");
}

static const char *const class_names[CLIENT_CLASS_COUNT] = {
    [CLIENT_CLASS_NORMAL] = "normal",
    [CLIENT_CLASS_REPLICA] = "slave",
    [CLIENT_CLASS_PUBSUB] = "pubsub",
};

static bool find_class(struct bytes word, enum client_class *class)
{
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        if (bytes_is_word(word, class_names[i])) {
            *class = (enum client_class)i;
            return true;
        }
    }
    *class = CLIENT_CLASS_REPLICA;
    return bytes_is_word(word, "replica");
}

/* Overlays `limits` with the groups of four words in `text`; NULL or Redis's text for what is
 * wrong. */
static const char *read_output_limits(struct bytes text,
                                      struct output_limit limits[CLIENT_CLASS_COUNT])
{
    struct bytes rest = text, word[4];

    while (words_next(&rest, &word[0])) {
        enum client_class class;
        struct output_limit limit;

        for (int i = 1; i < 4; i++) {
            if (!words_next(&rest, &word[i]))
                return "Wrong number of arguments in buffer limit configuration.";
        }
        if (!find_class(word[0], &class))
            return "Invalid client class specified in buffer limit configuration.";
        if (!bytes_to_size(word[1], &limit.hard_bytes) ||
            !bytes_to_size(word[2], &limit.soft_bytes) ||
            !bytes_to_int64(word[3], &limit.soft_seconds) || limit.soft_seconds < 0)
            return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        limits[class] = limit;
    }
    return NULL;
}

void option_output_limits(struct bytes text, struct output_limit limits[CLIENT_CLASS_COUNT])
{
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++)
        limits[i] = (struct output_limit){0, 0, 0};
    /* the text was printed by us, or there is none yet */
    (void)read_output_limits(text, limits);
}

static bool parse_output_limits(const struct parse *parse, struct option_value *value)
{
    struct output_limit limits[CLIENT_CLASS_COUNT];
    struct buffer text = {0};
    const char *problem;

    option_output_limits(parse->old_text, limits);
    problem = read_output_limits(parse->text, limits);
    if (problem != NULL)
        return fail(parse, problem);
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++)
        buffer_printf(&text, "%s%s %" PRId64 " %" PRId64 " %" PRId64, i == 0 ? "" : " ",
                      class_names[i], limits[i].hard_bytes, limits[i].soft_bytes,
                      limits[i].soft_seconds);
    return take_text(&text, value);
}

/* As short as it can be: 50, 99.9. */
static void append_percentile(struct buffer *text, long double percentile)
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%.6Lf", percentile);

    while (digits[length - 1] == '0')
        length--;
    if (digits[length - 1] == '.')
        length--;
    append_word(text, (struct bytes){digits, (size_t)length});
}

static bool parse_percentiles(const struct parse *parse, struct option_value *value)
{
    struct bytes rest = parse->text, word;
    struct buffer text = {0};
    long double percentile;
    const char *problem;

    while (words_next(&rest, &word)) {
        problem = "Invalid latency-tracking-info-percentiles parameters";
        if (!bytes_to_long_double(word, &percentile))
            goto invalid;
        problem = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        if (percentile < 0 || percentile > 100)
            goto invalid;
        append_percentile(&text, percentile);
    }
    return take_text(&text, value);

invalid:
    buffer_clear(&text);
    return fail(parse, problem);
}

/* A stands for the letters of the first row together. */
#define EVENT_KINDS    "g$lshzxetd"
#define EVENT_CHANNELS "nKEm"

static bool parse_events(const struct parse *parse, struct option_value *value)
{
    static const char letters[] = EVENT_KINDS EVENT_CHANNELS;
    bool has[sizeof(letters)] = {false};
    size_t kinds = strlen(EVENT_KINDS), kinds_set = 0;
    struct buffer text = {0};

    for (size_t i = 0; i < parse->text.size; i++) {
        char c = parse->text.data[i];
        const char *at = c == '\0' ? NULL : strchr(letters, c);

        if (c == 'A')
            memset(has, true, kinds);
        else if (at == NULL)
            return fail(parse, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        else
            has[at - letters] = true;
    }
    for (size_t i = 0; i < kinds; i++)
        kinds_set += has[i];
    if (kinds_set == kinds)
        buffer_append_byte(&text, 'A');
    for (size_t i = kinds_set == kinds ? kinds : 0; letters[i] != '\0'; i++) {
        if (has[i])
            buffer_append_byte(&text, letters[i]);
    }
    return take_text(&text, value);
}

static bool parse_size_or_percent(const struct parse *parse, struct option_value *value)
{
    struct bytes text = parse->text;
    struct buffer printed = {0};
    int64_t number;

    if (bytes_to_size(text, &number)) {
        buffer_printf(&printed, "%" PRId64, number);
        return take_text(&printed, value);
    }
    if (text.size < 2 || text.data[text.size - 1] != '%' ||
        !bytes_to_int64((struct bytes){text.data, text.size - 1}, &number) || number < 0)
        return fail(parse, "argument must be a memory or percent value");
    if (number > 100)
        return fail(parse, "percentage argument must be less or equal to 100");
    buffer_append_bytes(&printed, text);
    return take_text(&printed, value);
}

/* --- what is allowed --- */

static void allowed_integer(enum option_id id, struct buffer *text)
{
    int64_t min, max;
    enum limit limit;

    option_range(id, &min, &max);
    if (max == INT64_MAX)
        buffer_printf(text, "a number of at least %" PRId64, min);
    else
        buffer_printf(text, "a number from %" PRId64 " to %" PRId64, min, max);
    if (option_is_limit(id, &limit))
        buffer_append_text(text, ", or profile");
}

/* In the largest unit that leaves a whole number. */
static void append_size(struct buffer *text, int64_t size)
{
    static const struct {
        int64_t bytes;
        const char *name;
    } units[] = {{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}};

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (size >= units[i].bytes && size % units[i].bytes == 0) {
            buffer_printf(text, "%" PRId64 "%s", size / units[i].bytes, units[i].name);
            return;
        }
    }
    buffer_printf(text, "%" PRId64, size);
}

static void allowed_size(enum option_id id, struct buffer *text)
{
    int64_t min, max;
    enum limit limit;

    option_range(id, &min, &max);
    buffer_append_text(text, "a size ");
    buffer_append_text(text, max == INT64_MAX ? "of at least " : "from ");
    append_size(text, min);
    if (max != INT64_MAX) {
        buffer_append_text(text, " to ");
        append_size(text, max);
    }
    buffer_append_text(text, ", in bytes or with kb, mb, gb");
    if (option_is_limit(id, &limit))
        buffer_append_text(text, ", or profile");
}

static void allowed_octal(enum option_id id, struct buffer *text)
{
    buffer_printf(text, "an octal number from %" PRIo64 " to %" PRIo64, option_rows[id].min,
                  option_rows[id].max);
}

static void allowed_switch(enum option_id id, struct buffer *text)
{
    (void)id;
    buffer_append_text(text, "yes or no");
}

static void allowed_choice(enum option_id id, struct buffer *text)
{
    buffer_append_text(text, "one of ");
    print_choices(&option_rows[id], text);
}

static void allowed_bytes(enum option_id id, struct buffer *text)
{
    buffer_printf(text, "a text of %" PRId64 " to %" PRId64 " bytes", option_rows[id].min,
                  option_rows[id].max);
}

static void allowed_text(enum option_id id, struct buffer *text)
{
    allowed_bytes(id, text);
    buffer_append_text(text, " without a zero byte");
}

static void allowed_words(enum option_id id, struct buffer *text)
{
    buffer_printf(text, "a list of at most %" PRId64 " words", option_rows[id].max);
}

static void allowed_addresses(enum option_id id, struct buffer *text)
{
    buffer_append_text(text, "host:port with a port from 1 to 65535");
    if (option_rows[id].max > 1)
        buffer_printf(text, ", at most %" PRId64 " of them", option_rows[id].max);
}

static void allowed_save_points(enum option_id id, struct buffer *text)
{
    (void)id;
    buffer_append_text(text, "pairs of seconds and changes, such as 3600 1 300 100, or \"\"");
}

static void allowed_output_limits(enum option_id id, struct buffer *text)
{
    (void)id;
    buffer_append_text(text,
                       "groups of class (normal, replica, pubsub), hard limit, soft limit and "
                       "seconds, such as pubsub 32mb 8mb 60");
}

static void allowed_percentiles(enum option_id id, struct buffer *text)
{
    (void)id;
    buffer_append_text(text, "numbers from 0 to 100");
}

static void allowed_events(enum option_id id, struct buffer *text)
{
    (void)id;
    buffer_append_text(text, "made of the letters A" EVENT_KINDS EVENT_CHANNELS);
}

static void allowed_size_or_percent(enum option_id id, struct buffer *text)
{
    (void)id;
    buffer_append_text(text, "a size in bytes or with kb, mb, gb, or 0% to 100%");
}

/* --- by type --- */

static const struct {
    bool (*parse)(const struct parse *parse, struct option_value *value);
    void (*print_allowed)(enum option_id id, struct buffer *text);
} formats[TYPE_COUNT] = {
    [TYPE_INTEGER] = {parse_integer, allowed_integer},
    [TYPE_SIZE] = {parse_size, allowed_size},
    [TYPE_OCTAL] = {parse_octal, allowed_octal},
    [TYPE_SWITCH] = {parse_switch, allowed_switch},
    [TYPE_CHOICE] = {parse_choice, allowed_choice},
    [TYPE_BYTES] = {parse_text, allowed_bytes},
    [TYPE_TEXT] = {parse_text, allowed_text},
    [TYPE_WORDS] = {parse_words, allowed_words},
    [TYPE_ADDRESSES] = {parse_addresses, allowed_addresses},
    [TYPE_SAVE_POINTS] = {parse_save_points, allowed_save_points},
    [TYPE_OUTPUT_LIMITS] = {parse_output_limits, allowed_output_limits},
    [TYPE_PERCENTILES] = {parse_percentiles, allowed_percentiles},
    [TYPE_EVENTS] = {parse_events, allowed_events},
    [TYPE_SIZE_OR_PERCENT] = {parse_size_or_percent, allowed_size_or_percent},
};

bool option_parse(enum option_id id, struct bytes text, struct bytes old_text,
                  struct option_value *value, char problem[OPTIONS_ERROR_MAX])
{
    struct parse parse = {id, &option_rows[id], text, old_text, problem};

    if (option_rows[id].type != TYPE_BYTES && text.size > 0 &&
        memchr(text.data, '\0', text.size) != NULL)
        return fail(&parse, "argument contains a zero byte");
    return formats[option_rows[id].type].parse(&parse, value);
}

static const char *choice_word(const struct option_row *row, int64_t number)
{
    const struct option_choice *choice = row->choices;

    while (choice->value != number)
        choice++;
    return choice->word;
}

void option_print(enum option_id id, const struct option_value *value, struct buffer *text)
{
    const struct option_row *row = &option_rows[id];

    if (option_type_is_text(row->type))
        buffer_append_bytes(text, value->text);
    else if (row->type == TYPE_SWITCH)
        buffer_append_text(text, value->number != 0 ? "yes" : "no");
    else if (row->type == TYPE_CHOICE)
        buffer_append_text(text, choice_word(row, value->number));
    else if (row->type == TYPE_OCTAL)
        buffer_printf(text, "%" PRIo64, value->number);
    else
        buffer_printf(text, "%" PRId64, value->number);
}

void option_print_allowed(enum option_id id, struct buffer *text)
{
    formats[option_rows[id].type].print_allowed(id, text);
}
