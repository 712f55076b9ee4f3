#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/options_internal.h"

/* One pair of CONFIG SET. */
struct change {
    enum option_id id;
    struct bytes text;
    struct option_value old;
    struct option_value new;
    bool is_different;
};

static enum status fail_unknown(char error[OPTIONS_ERROR_MAX], struct bytes name)
{
    snprintf(error, OPTIONS_ERROR_MAX,
             "Unknown option or number of arguments for CONFIG SET - '%.*s'",
             (int)(name.size < 300 ? name.size : 300), name.data);
    return STATUS_FAILED;
}

/* Redis names an option as the client wrote it where it can't be set at all, else by its own name.
 */
static enum status fail_argument(char error[OPTIONS_ERROR_MAX], struct bytes name,
                                 const char *problem)
{
    snprintf(error, OPTIONS_ERROR_MAX,
             "CONFIG SET failed (possibly related to argument '%.*s')%s%.300s", (int)name.size,
             name.data, problem[0] != '\0' ? " - " : "", problem);
    return STATUS_FAILED;
}

/* CHANGE_BY_HOOK without a hook: may be "set" to what it is, as Redis's tests do with all options.
 */
static bool is_same_as_shown(const struct options *options, enum option_id id, struct bytes text)
{
    struct buffer shown = {0};
    bool result;

    options_print_shown(options, id, &shown);
    result = bytes_equal(buffer_view(&shown), text);
    buffer_clear(&shown);
    return result;
}

static bool is_fixed(const struct options *options, enum option_id id)
{
    enum option_change when = option_rows[id].change;

    return when == CHANGE_NEVER || (when == CHANGE_BY_HOOK && options->hook[id].call == NULL);
}

/* Which options, and may they change at all?  Nothing is parsed yet: Redis refuses in this order.
 */
static enum status find_options(const struct options *options, const struct bytes *words,
                                struct change *changes, size_t count, char error[OPTIONS_ERROR_MAX])
{
    for (size_t i = 0; i < count; i++) {
        struct bytes name = words[2 * i];
        struct change *change = &changes[i];

        if (!option_find(name, &change->id))
            return fail_unknown(error, name);
        change->text = words[2 * i + 1];
        if (is_fixed(options, change->id) && (option_rows[change->id].change == CHANGE_NEVER ||
                                              !is_same_as_shown(options, change->id, change->text)))
            return fail_argument(error, name, "can't set immutable config");
        for (size_t j = 0; j < i; j++) {
            if (changes[j].id == change->id)
                return fail_argument(error, name, "duplicate parameter");
        }
    }
    return STATUS_OK;
}

static enum status parse_change(const struct options *options, struct change *change,
                                char error[OPTIONS_ERROR_MAX])
{
    struct bytes name = bytes_of(option_name(change->id));
    char problem[OPTIONS_ERROR_MAX] = "";

    if (is_fixed(options, change->id))
        return STATUS_OK; /* the same as it is */
    change->old = options_take_value(options, change->id);
    if (!option_parse(change->id, change->text, change->old.text, &change->new, problem))
        return fail_argument(error, name, problem);
    change->is_different = (option_rows[change->id].flags & FLAG_FILE) != 0 ||
                           !option_value_equal(&change->old, &change->new);
    return STATUS_OK;
}

static void store(struct options *options, enum option_id id, const struct option_value *value)
{
    options_store_value(options, id, option_value_copy(value));
}

static bool call_hook(const struct options *options, enum option_id id,
                      char problem[OPTIONS_ERROR_MAX])
{
    option_hook *call = options->hook[id].call;

    return call == NULL || call(options->hook[id].context, id, problem);
}

/* Has the hook of changes[index] been called for an earlier one? */
static bool is_carried_out(const struct options *options, const struct change *changes,
                           size_t index)
{
    enum option_id id = changes[index].id;

    for (size_t i = 0; i < index; i++) {
        if (changes[i].is_different && options->hook[id].call != NULL &&
            options->hook[changes[i].id].call == options->hook[id].call &&
            options->hook[changes[i].id].context == options->hook[id].context)
            return true;
    }
    return false;
}

/* O2: what was carried out is carried back, newest first, so that hooks see the old values again.
 */
static void roll_back(struct options *options, const struct change *changes, size_t count,
                      size_t carried_out)
{
    char ignored[OPTIONS_ERROR_MAX];

    for (size_t i = 0; i < count; i++) {
        if (changes[i].is_different)
            store(options, changes[i].id, &changes[i].old);
    }
    for (size_t i = carried_out; i > 0; i--) {
        if (changes[i - 1].is_different && !is_carried_out(options, changes, i - 1))
            (void)call_hook(options, changes[i - 1].id, ignored);
    }
}

static enum status apply(struct options *options, const struct change *changes, size_t count,
                         char error[OPTIONS_ERROR_MAX])
{
    char problem[OPTIONS_ERROR_MAX] = "";

    for (size_t i = 0; i < count; i++) {
        if (changes[i].is_different)
            store(options, changes[i].id, &changes[i].new);
    }
    for (size_t i = 0; i < count; i++) {
        enum option_id id = changes[i].id;

        if (!changes[i].is_different || is_carried_out(options, changes, i) ||
            call_hook(options, id, problem))
            continue;
        roll_back(options, changes, count, i);
        return fail_argument(error, bytes_of(option_name(id)), problem);
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].is_different)
            options->is_derived[changes[i].id] = false;
    }
    return STATUS_OK;
}

static enum status change_all(struct options *options, const struct bytes *words,
                              struct change *changes, size_t count, char error[OPTIONS_ERROR_MAX])
{
    enum status status = find_options(options, words, changes, count, error);

    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = parse_change(options, &changes[i], error);
    if (status == STATUS_OK)
        status = apply(options, changes, count, error);
    return status;
}

enum status options_set(struct options *options, const struct bytes *words, size_t count,
                        char error[OPTIONS_ERROR_MAX])
{
    struct change *changes;
    enum status status;

    if (count % 2 != 0) {
        snprintf(error, OPTIONS_ERROR_MAX, "syntax error");
        return STATUS_SYNTAX;
    }
    changes = xcalloc(count / 2 + 1, sizeof(*changes));
    pthread_mutex_lock(&options->change_lock);
    status = change_all(options, words, changes, count / 2, error);
    pthread_mutex_unlock(&options->change_lock);
    for (size_t i = 0; i < count / 2; i++) {
        option_value_clear(&changes[i].old);
        option_value_clear(&changes[i].new);
    }
    free(changes);
    return status;
}

static bool is_wanted(const struct option_row *row, const struct bytes *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((row->flags & FLAG_HIDDEN) != 0
                ? bytes_is_word(patterns[i], row->name)
                : bytes_match_glob(bytes_of(row->name), patterns[i], true))
            return true;
    }
    return false;
}

void options_match(const struct options *options, const struct bytes *patterns, size_t count,
                   void (*each)(void *context, const char *name, struct bytes value), void *context)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        struct buffer value = {0};

        if (!is_wanted(&option_rows[i], patterns, count))
            continue;
        options_print_shown(options, (enum option_id)i, &value);
        each(context, option_rows[i].name, buffer_view(&value));
        buffer_clear(&value);
    }
}
