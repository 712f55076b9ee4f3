#include "commands/acl_selector.h"

#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"

static const char *const problem_texts[] = {
    [ACL_FINE] = "",
    [ACL_UNKNOWN_NAME] = "Unknown command or category name in ACL",
    [ACL_SYNTAX] = "Syntax error",
    [ACL_KEYS_AFTER_ALL] =
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not "
        "have any effect. Try 'resetkeys' to start with an empty list of patterns",
    [ACL_CHANNELS_AFTER_ALL] =
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does "
        "not have any effect. Try 'resetchannels' to start with an empty list of channels",
    [ACL_NO_SUCH_PASSWORD] = "The password you are trying to remove from the user does not exist",
    [ACL_BAD_HASH] = "The password hash must be exactly 64 characters and contain only lowercase "
                     "hexadecimal characters",
    [ACL_ARGUMENT_OF_SUBCOMMAND] = "Allowing first-arg of a subcommand is not supported",
    [ACL_BAD_NAMESPACE] = "A namespace is named by its title, 1 to 512 bytes without blanks",
};

const char *acl_problem_text(enum acl_problem problem)
{
    return problem_texts[problem];
}

/* ---------- patterns ---------- */

static void clear_patterns(struct acl_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        xbytes_free(patterns->at[i].text);
    free(patterns->at);
    *patterns = (struct acl_patterns){NULL, 0};
}

/* A pattern that is there already gets the permissions besides. */
static void add_pattern(struct acl_patterns *patterns, struct bytes text, unsigned permissions)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (!bytes_equal(patterns->at[i].text, text))
            continue;
        patterns->at[i].permissions |= permissions;
        return;
    }
    patterns->at = xrealloc(patterns->at, (patterns->count + 1) * sizeof *patterns->at);
    patterns->at[patterns->count++] = (struct acl_pattern){xbytes_copy(text), permissions};
}

static void copy_patterns(struct acl_patterns *to, const struct acl_patterns *from)
{
    *to = (struct acl_patterns){NULL, 0};
    for (size_t i = 0; i < from->count; i++)
        add_pattern(to, from->at[i].text, from->at[i].permissions);
}

/* Blanks would end the rule in a file, zeros the line. */
static bool is_one_word(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\0' || strchr(" \t\n\v\f\r", text.data[i]) != NULL)
            return false;
    return true;
}

/* ---------- first arguments ---------- */

static void drop_first_arguments(struct acl_selector *selector, int index)
{
    size_t kept = 0;

    for (size_t i = 0; i < selector->first_argument_count; i++) {
        if (selector->first_arguments[i].index == index)
            free(selector->first_arguments[i].word);
        else
            selector->first_arguments[kept++] = selector->first_arguments[i];
    }
    selector->first_argument_count = kept;
}

static void drop_all_first_arguments(struct acl_selector *selector)
{
    for (size_t i = 0; i < selector->first_argument_count; i++)
        free(selector->first_arguments[i].word);
    free(selector->first_arguments);
    selector->first_arguments = NULL;
    selector->first_argument_count = 0;
}

static bool has_first_argument(const struct acl_selector *selector, int index, struct bytes word)
{
    for (size_t i = 0; i < selector->first_argument_count; i++)
        if (selector->first_arguments[i].index == index &&
            bytes_is_word(word, selector->first_arguments[i].word))
            return true;
    return false;
}

static void add_first_argument(struct acl_selector *selector, int index, const char *word)
{
    size_t count = selector->first_argument_count;

    if (has_first_argument(selector, index, bytes_of(word)))
        return;
    selector->first_arguments =
        xrealloc(selector->first_arguments, (count + 1) * sizeof *selector->first_arguments);
    selector->first_arguments[count] = (struct acl_first_argument){index, xstrdup(word)};
    selector->first_argument_count = count + 1;
}

/* ---------- selectors ---------- */

void acl_selector_copy(struct acl_selector *to, const struct acl_selector *from)
{
    *to = *from;
    to->first_arguments = NULL;
    to->first_argument_count = 0;
    copy_patterns(&to->keys, &from->keys);
    copy_patterns(&to->channels, &from->channels);
    for (size_t i = 0; i < from->first_argument_count; i++)
        add_first_argument(to, from->first_arguments[i].index, from->first_arguments[i].word);
}

void acl_selector_clear(struct acl_selector *selector)
{
    clear_patterns(&selector->keys);
    clear_patterns(&selector->channels);
    drop_all_first_arguments(selector);
    *selector = (struct acl_selector){0};
}

/* ---------- rules: words ---------- */

static void allow_all_keys(struct acl_selector *selector)
{
    clear_patterns(&selector->keys);
    selector->has_all_keys = true;
}

static void reset_keys(struct acl_selector *selector)
{
    clear_patterns(&selector->keys);
    selector->has_all_keys = false;
}

static void allow_all_channels(struct acl_selector *selector)
{
    clear_patterns(&selector->channels);
    selector->has_all_channels = true;
}

static void reset_channels(struct acl_selector *selector)
{
    clear_patterns(&selector->channels);
    selector->has_all_channels = false;
}

static void allow_all_commands(struct acl_selector *selector)
{
    selector->commands = *acl_names_all();
    selector->has_all_commands = selector->has_future_commands = true;
    drop_all_first_arguments(selector);
}

static void allow_no_commands(struct acl_selector *selector)
{
    selector->commands = (struct acl_set){{0}};
    selector->has_all_commands = selector->has_future_commands = false;
    drop_all_first_arguments(selector);
}

static const struct word_rule {
    const char *word;
    void (*apply)(struct acl_selector *selector);
} word_rules[] = {
    {"allkeys", allow_all_keys},         {"~*", allow_all_keys},
    {"resetkeys", reset_keys},           {"allchannels", allow_all_channels},
    {"&*", allow_all_channels},          {"resetchannels", reset_channels},
    {"allcommands", allow_all_commands}, {"+@all", allow_all_commands},
    {"nocommands", allow_no_commands},   {"-@all", allow_no_commands},
};

/* ---------- rules: commands ---------- */

static void note_completeness(struct acl_selector *selector)
{
    selector->has_all_commands =
        selector->has_future_commands && acl_set_equal(&selector->commands, acl_names_all());
}

static void change_set(struct acl_selector *selector, const struct acl_set *set, bool is_allowed)
{
    if (is_allowed)
        acl_set_add_all(&selector->commands, set);
    else
        acl_set_remove_all(&selector->commands, set);
    note_completeness(selector);
}

static void change_name(struct acl_selector *selector, int index, bool is_allowed)
{
    struct acl_set set = {{0}};

    acl_name_add_to(index, &set);
    change_set(selector, &set, is_allowed);
    drop_first_arguments(selector, index);
}

static enum acl_problem apply_category(struct acl_selector *selector, struct bytes name,
                                       bool is_allowed)
{
    uint32_t bit = category_bit(name);
    const struct acl_set *set;

    if (bit == 0)
        return ACL_UNKNOWN_NAME;
    set = acl_names_of((enum category)__builtin_ctz(bit));
    change_set(selector, set, is_allowed);
    for (int i = 0; i < acl_names_count() && selector->first_argument_count > 0; i++)
        if (acl_set_has(set, i))
            drop_first_arguments(selector, i);
    return ACL_FINE;
}

/* "select|0": no subcommand, so it is the first argument. */
static enum acl_problem allow_first_argument(struct acl_selector *selector, struct bytes rule)
{
    const char *bar = memrchr(rule.data, '|', rule.size);
    int index = acl_name_find((struct bytes){rule.data, (size_t)(bar - rule.data)});
    struct bytes word = {bar + 1, rule.size - (size_t)(bar + 1 - rule.data)};
    struct bytes copy;

    if (index < 0)
        return ACL_UNKNOWN_NAME;
    if (acl_name_at(index)->container >= 0)
        return ACL_ARGUMENT_OF_SUBCOMMAND;
    if (word.size == 0 || !is_one_word(word))
        return ACL_SYNTAX;
    if (acl_name_at(index)->has_subcommands)
        return ACL_UNKNOWN_NAME;
    copy = xbytes_copy(word);
    add_first_argument(selector, index, copy.data);
    xbytes_free(copy);
    return ACL_FINE;
}

static enum acl_problem apply_command(struct acl_selector *selector, struct bytes name,
                                      bool is_allowed)
{
    int index = acl_name_find(name);

    if (index >= 0) {
        change_name(selector, index, is_allowed);
        return ACL_FINE;
    }
    if (is_allowed && name.size > 0 && memchr(name.data, '|', name.size) != NULL)
        return allow_first_argument(selector, name);
    return ACL_UNKNOWN_NAME;
}

/* ---------- rules: keys and channels ---------- */

/* The letters between % and ~, at most one R and one W. */
static bool read_permissions(struct bytes *rule, unsigned *permissions)
{
    size_t i = 1;

    *permissions = 0;
    for (; i < rule->size && rule->data[i] != '~'; i++) {
        char letter = (char)(rule->data[i] & ~0x20);
        unsigned permission = letter == 'R' ? ACL_READ : letter == 'W' ? ACL_WRITE : 0;

        if (permission == 0 || (*permissions & permission) != 0)
            return false;
        *permissions |= permission;
    }
    if (i == rule->size)
        return false;
    *rule = (struct bytes){rule->data + i + 1, rule->size - i - 1};
    return *permissions != 0;
}

static enum acl_problem apply_keys(struct acl_selector *selector, struct bytes rule)
{
    unsigned permissions = ACL_READ | ACL_WRITE;

    if (selector->has_all_keys)
        return ACL_KEYS_AFTER_ALL;
    if (rule.data[0] == '~')
        rule = (struct bytes){rule.data + 1, rule.size - 1};
    else if (!read_permissions(&rule, &permissions))
        return ACL_SYNTAX;
    if (!is_one_word(rule))
        return ACL_SYNTAX;
    add_pattern(&selector->keys, rule, permissions);
    return ACL_FINE;
}

static enum acl_problem apply_channels(struct acl_selector *selector, struct bytes pattern)
{
    if (selector->has_all_channels)
        return ACL_CHANNELS_AFTER_ALL;
    if (!is_one_word(pattern))
        return ACL_SYNTAX;
    add_pattern(&selector->channels, pattern, 0);
    return ACL_FINE;
}

enum acl_problem acl_selector_apply(struct acl_selector *selector, struct bytes rule)
{
    struct bytes rest;
    bool is_plus;

    for (size_t i = 0; i < COUNT_OF(word_rules); i++) {
        if (!bytes_is_word(rule, word_rules[i].word))
            continue;
        word_rules[i].apply(selector);
        return ACL_FINE;
    }
    if (rule.size == 0)
        return ACL_SYNTAX;
    rest = (struct bytes){rule.data + 1, rule.size - 1};
    if (rule.data[0] == '~' || rule.data[0] == '%')
        return apply_keys(selector, rule);
    if (rule.data[0] == '&')
        return apply_channels(selector, rest);
    is_plus = rule.data[0] == '+';
    if (!is_plus && rule.data[0] != '-')
        return ACL_SYNTAX;
    if (rest.size > 0 && rest.data[0] == '@')
        return apply_category(selector, (struct bytes){rest.data + 1, rest.size - 1}, is_plus);
    return apply_command(selector, rest, is_plus);
}

/* ---------- checks ---------- */

bool acl_selector_allows(const struct acl_selector *selector, int index, const struct bytes *argv,
                         size_t argc)
{
    return selector->has_all_commands || acl_set_has(&selector->commands, index) ||
           (argc > 1 && has_first_argument(selector, index, argv[1]));
}

bool acl_selector_allows_key(const struct acl_selector *selector, struct bytes key,
                             unsigned permissions)
{
    if (selector->has_all_keys)
        return true;
    for (size_t i = 0; i < selector->keys.count; i++) {
        const struct acl_pattern *pattern = &selector->keys.at[i];

        if ((pattern->permissions & permissions) == permissions &&
            bytes_match_glob(key, pattern->text, false))
            return true;
    }
    return false;
}

/* How much of a pattern stands for itself. */
static size_t literal_size(struct bytes pattern)
{
    size_t size = 0;

    while (size < pattern.size && strchr("*?[\\", pattern.data[size]) == NULL)
        size++;
    return size;
}

bool acl_selector_allows_prefix(const struct acl_selector *selector, struct bytes prefix,
                                unsigned permissions)
{
    if (selector->has_all_keys)
        return true;
    for (size_t i = 0; i < selector->keys.count; i++) {
        const struct acl_pattern *pattern = &selector->keys.at[i];
        size_t literal = literal_size(pattern->text);

        if ((pattern->permissions & permissions) == permissions &&
            literal + 1 == pattern->text.size && pattern->text.data[literal] == '*' &&
            bytes_starts_with(prefix, (struct bytes){pattern->text.data, literal}))
            return true;
    }
    return false;
}

bool acl_selector_allows_channel(const struct acl_selector *selector, struct bytes channel,
                                 bool is_pattern)
{
    if (selector->has_all_channels)
        return true;
    for (size_t i = 0; i < selector->channels.count; i++) {
        struct bytes pattern = selector->channels.at[i].text;

        if (is_pattern ? bytes_equal(pattern, channel) : bytes_match_glob(channel, pattern, false))
            return true;
    }
    return false;
}

/* ---------- describing commands ----------
 *
 * From +@all or -@all on, categories are taken as long as one changes more for the better than for
 * the worse, the best first; then single commands put right what is left.  The same choice as in
 * Redis, so that its tests and its users find what they know. */

struct describing {
    const struct acl_selector *selector;
    bool is_additive;
    struct acl_set reached; /* by the rules so far */
    struct acl_set open;    /* what the categories are measured by */
    struct buffer *out;
};

static void append_rule(struct describing *describing, bool is_allowed, const char *at,
                        const char *name)
{
    buffer_printf(describing->out, " %c%s%s", is_allowed ? '+' : '-', at, name);
}

static int best_category(const struct describing *describing, uint32_t taken)
{
    int best = -1, best_worse = INT_MAX, best_better = 0;

    for (int i = 0; i < CATEGORY_COUNT; i++) {
        const struct acl_set *set = acl_names_strictly_of((enum category)i);
        int on = acl_set_count_common(set, &describing->open);
        int off = acl_set_count_common(set, acl_names_all()) - on;
        int worse = describing->is_additive ? off : on;
        int better = describing->is_additive ? on : off;

        if ((taken >> i) & 1 || better <= worse || worse > best_worse ||
            (worse == best_worse && better <= best_better))
            continue;
        best = i;
        best_worse = worse;
        best_better = better;
    }
    return best;
}

static void change(struct acl_set *set, const struct acl_set *by, bool is_added)
{
    if (is_added)
        acl_set_add_all(set, by);
    else
        acl_set_remove_all(set, by);
}

static void describe_categories(struct describing *describing)
{
    uint32_t taken = 0;
    int best;

    while ((best = best_category(describing, taken)) >= 0) {
        const struct acl_set *set = acl_names_of((enum category)best);

        append_rule(describing, describing->is_additive, "@", category_names[best]);
        change(&describing->reached, set, describing->is_additive);
        change(&describing->open, set, !describing->is_additive);
        taken |= UINT32_C(1) << best;
    }
}

static void describe_name(struct describing *describing, int index)
{
    const struct acl_selector *selector = describing->selector;
    const char *name = acl_name_at(index)->full_name;
    bool is_allowed = acl_set_has(&selector->commands, index);
    struct acl_set set = {{0}};

    if (acl_set_has(&describing->reached, index) != is_allowed) {
        append_rule(describing, is_allowed, "", name);
        acl_name_add_to(index, &set);
        change(&describing->reached, &set, is_allowed);
    }
    for (size_t i = 0; i < selector->first_argument_count && !is_allowed; i++)
        if (selector->first_arguments[i].index == index)
            buffer_printf(describing->out, " +%s|%s", name, selector->first_arguments[i].word);
}

/* Containers first: what is said of one holds for its subcommands. */
static void describe_names(struct describing *describing)
{
    for (int i = 0; i < acl_names_count(); i++)
        if (acl_name_at(i)->container < 0)
            describe_name(describing, i);
    for (int i = 0; i < acl_names_count(); i++)
        if (acl_name_at(i)->container >= 0)
            describe_name(describing, i);
}

void acl_selector_describe_commands(const struct acl_selector *selector, struct buffer *out)
{
    struct describing describing = {.selector = selector,
                                    .is_additive = !selector->has_future_commands,
                                    .open = selector->commands,
                                    .out = out};

    buffer_append_text(out, describing.is_additive ? "-@all" : "+@all");
    if (!describing.is_additive)
        describing.reached = *acl_names_all();
    describe_categories(&describing);
    describe_names(&describing);
}

/* ---------- describing the rest ---------- */

void acl_selector_describe_keys(const struct acl_selector *selector, struct buffer *out)
{
    if (selector->has_all_keys)
        buffer_append_text(out, "~*");
    for (size_t i = 0; i < selector->keys.count; i++) {
        const struct acl_pattern *pattern = &selector->keys.at[i];

        if (i > 0)
            buffer_append_byte(out, ' ');
        if (pattern->permissions != (ACL_READ | ACL_WRITE))
            buffer_append_text(out, pattern->permissions == ACL_READ ? "%R" : "%W");
        buffer_append_byte(out, '~');
        buffer_append_bytes(out, pattern->text);
    }
}

void acl_selector_describe_channels(const struct acl_selector *selector, struct buffer *out)
{
    if (selector->has_all_channels)
        buffer_append_text(out, "&*");
    for (size_t i = 0; i < selector->channels.count; i++) {
        if (i > 0)
            buffer_append_byte(out, ' ');
        buffer_append_byte(out, '&');
        buffer_append_bytes(out, selector->channels.at[i].text);
    }
}

void acl_selector_describe(const struct acl_selector *selector, struct buffer *out)
{
    size_t start = out->size;

    acl_selector_describe_keys(selector, out);
    if (out->size > start)
        buffer_append_byte(out, ' ');
    if (!selector->has_all_channels)
        buffer_append_text(out, "resetchannels ");
    start = out->size;
    acl_selector_describe_channels(selector, out);
    if (out->size > start)
        buffer_append_byte(out, ' ');
    acl_selector_describe_commands(selector, out);
}
