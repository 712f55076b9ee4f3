#include "commands/acl_user.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/words.h"

/* ---------- life ---------- */

struct acl_user *acl_user_create(struct bytes name, bool has_all_channels)
{
    struct acl_user *user = xcalloc(1, sizeof *user);

    atomic_init(&user->references, 1);
    user->name = xbytes_copy(name);
    user->node.name = user->name;
    user->selectors = xcalloc(1, sizeof *user->selectors);
    user->selector_count = 1;
    user->selectors[0].has_all_channels = has_all_channels;
    return user;
}

struct acl_user *acl_user_create_default(void)
{
    static const char *const rules[] = {"+@all", "~*", "on", "nopass"};
    struct acl_user *user = acl_user_create(bytes_of("default"), true);

    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        enum acl_problem problem = acl_user_apply(user, bytes_of(rules[i]), true);

        assert(problem == ACL_FINE);
        (void)problem;
    }
    return user;
}

static struct acl_selector *add_selector(struct acl_user *user)
{
    struct acl_selector *added;

    user->selectors =
        xrealloc(user->selectors, (user->selector_count + 1) * sizeof *user->selectors);
    added = &user->selectors[user->selector_count++];
    *added = (struct acl_selector){0};
    return added;
}

static bool find_password(const struct acl_user *user, const struct acl_password *password,
                          size_t *index)
{
    bool is_found = false;

    /* all are looked at, so that the time says nothing */
    for (size_t i = 0; i < user->password_count; i++) {
        if (!secret_equal(user->passwords[i].hash, password->hash, sizeof password->hash))
            continue;
        is_found = true;
        *index = i;
    }
    return is_found;
}

static void add_password(struct acl_user *user, const struct acl_password *password)
{
    size_t index;

    user->needs_no_password = false;
    if (find_password(user, password, &index))
        return;
    user->passwords =
        xrealloc(user->passwords, (user->password_count + 1) * sizeof *user->passwords);
    user->passwords[user->password_count++] = *password;
}

static void drop_passwords(struct acl_user *user)
{
    free(user->passwords);
    user->passwords = NULL;
    user->password_count = 0;
}

struct acl_user *acl_user_copy(const struct acl_user *from)
{
    struct acl_user *user = acl_user_create(from->name, false);

    user->is_on = from->is_on;
    user->sanitizing = from->sanitizing;
    for (size_t i = 0; i < from->password_count; i++)
        add_password(user, &from->passwords[i]);
    user->needs_no_password = from->needs_no_password;
    acl_selector_copy(&user->selectors[0], &from->selectors[0]);
    for (size_t i = 1; i < from->selector_count; i++)
        acl_selector_copy(add_selector(user), &from->selectors[i]);
    if (from->namespace_title.data != NULL)
        user->namespace_title = xbytes_copy(from->namespace_title);
    return user;
}

struct acl_user *acl_user_retain(struct acl_user *user)
{
    atomic_fetch_add_explicit(&user->references, 1, memory_order_relaxed);
    return user;
}

void acl_user_release(struct acl_user *user)
{
    if (user == NULL || atomic_fetch_sub_explicit(&user->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < user->selector_count; i++)
        acl_selector_clear(&user->selectors[i]);
    free(user->selectors);
    drop_passwords(user);
    xbytes_free(user->namespace_title);
    xbytes_free(user->name);
    free(user);
}

/* ---------- passwords ---------- */

void acl_password_hash(struct bytes password, struct acl_password *hash)
{
    secret_sha256(password, hash->hash);
}

void acl_password_print(const struct acl_password *password, struct buffer *out)
{
    for (size_t i = 0; i < sizeof password->hash; i++)
        buffer_printf(out, "%02x", password->hash[i]);
}

/* Upper case would make two spellings of one password. */
static bool read_hash(struct bytes hex, struct acl_password *password)
{
    if (hex.size != ACL_PASSWORD_HEX_SIZE)
        return false;
    for (size_t i = 0; i < hex.size; i++) {
        int digit = isupper((unsigned char)hex.data[i]) ? -1 : bytes_hex_digit(hex.data[i]);

        if (digit < 0)
            return false;
        password->hash[i / 2] =
            (unsigned char)(i % 2 == 0 ? digit << 4 : password->hash[i / 2] | digit);
    }
    return true;
}

/* >password #hash <password !hash */
static enum acl_problem apply_password(struct acl_user *user, struct bytes rule)
{
    struct bytes rest = {rule.data + 1, rule.size - 1};
    bool is_hash = rule.data[0] == '#' || rule.data[0] == '!';
    bool is_new = rule.data[0] == '>' || rule.data[0] == '#';
    struct acl_password password;
    size_t index;

    if (is_hash && !read_hash(rest, &password))
        return ACL_BAD_HASH;
    if (!is_hash)
        acl_password_hash(rest, &password);
    if (is_new) {
        add_password(user, &password);
        return ACL_FINE;
    }
    if (!find_password(user, &password, &index))
        return ACL_NO_SUCH_PASSWORD;
    memmove(&user->passwords[index], &user->passwords[index + 1],
            (user->password_count - index - 1) * sizeof *user->passwords);
    user->password_count--;
    return ACL_FINE;
}

bool acl_user_knows_password(const struct acl_user *user, const struct acl_password *password)
{
    size_t index;

    return find_password(user, password, &index);
}

/* ---------- rules ---------- */

static void turn_on(struct acl_user *user)
{
    user->is_on = true;
}

static void turn_off(struct acl_user *user)
{
    user->is_on = false;
}

static void skip_sanitizing(struct acl_user *user)
{
    user->sanitizing = ACL_SANITIZE_SKIP;
}

static void sanitize(struct acl_user *user)
{
    user->sanitizing = ACL_SANITIZE_YES;
}

static void need_no_password(struct acl_user *user)
{
    drop_passwords(user);
    user->needs_no_password = true;
}

static void reset_passwords(struct acl_user *user)
{
    drop_passwords(user);
    user->needs_no_password = false;
}

static void clear_selectors(struct acl_user *user)
{
    while (user->selector_count > 1)
        acl_selector_clear(&user->selectors[--user->selector_count]);
}

static void untie(struct acl_user *user)
{
    xbytes_free(user->namespace_title);
    user->namespace_title = (struct bytes){NULL, 0};
}

static const struct word_rule {
    const char *word;
    void (*apply)(struct acl_user *user);
} word_rules[] = {
    {"on", turn_on},
    {"off", turn_off},
    {"skip-sanitize-payload", skip_sanitizing},
    {"sanitize-payload", sanitize},
    {"nopass", need_no_password},
    {"resetpass", reset_passwords},
    {"clearselectors", clear_selectors},
    {"namespace=", untie},
};

static void reset(struct acl_user *user, bool has_all_channels)
{
    reset_passwords(user);
    clear_selectors(user);
    acl_selector_clear(&user->selectors[0]);
    user->selectors[0].has_all_channels = has_all_channels;
    user->is_on = false;
    user->sanitizing = ACL_SANITIZE_YES;
    untie(user);
}

static bool is_title(struct bytes title)
{
    if (title.size == 0 || title.size > ACL_NAMESPACE_MAX || !bytes_is_utf8(title))
        return false;
    return acl_user_name_is_fine(title);
}

static enum acl_problem tie(struct acl_user *user, struct bytes title)
{
    if (!is_title(title))
        return ACL_BAD_NAMESPACE;
    untie(user);
    user->namespace_title = xbytes_copy(title);
    return ACL_FINE;
}

/* What would end the selector, or a quote in it, when its description is read again. */
static bool can_stand_in_selector(struct bytes word)
{
    return word.size == 0 ||
           (word.data[word.size - 1] != ')' && memchr(word.data, '"', word.size) == NULL &&
            memchr(word.data, '\'', word.size) == NULL);
}

/* "(+get ~key*)" */
static enum acl_problem apply_selector(struct acl_user *user, struct bytes rule)
{
    struct acl_selector *selector = add_selector(user);
    enum acl_problem problem = ACL_FINE;
    struct words words = {0};

    if (!words_split((struct bytes){rule.data + 1, rule.size - 2}, &words))
        return ACL_SYNTAX;
    for (size_t i = 0; i < words.count && problem == ACL_FINE; i++)
        problem = can_stand_in_selector(words.word[i]) ? acl_selector_apply(selector, words.word[i])
                                                       : ACL_SYNTAX;
    words_clear(&words);
    return problem;
}

enum acl_problem acl_user_apply(struct acl_user *user, struct bytes rule, bool has_all_channels)
{
    static const char tied[] = "namespace=";

    if (rule.size == 0)
        return ACL_FINE;
    for (size_t i = 0; i < COUNT_OF(word_rules); i++) {
        if (!bytes_is_word(rule, word_rules[i].word))
            continue;
        word_rules[i].apply(user);
        return ACL_FINE;
    }
    if (bytes_is_word(rule, "reset")) {
        reset(user, has_all_channels);
        return ACL_FINE;
    }
    if (strchr("><#!", rule.data[0]) != NULL && rule.data[0] != '\0')
        return apply_password(user, rule);
    if (rule.data[0] == '(' && rule.data[rule.size - 1] == ')')
        return apply_selector(user, rule);
    if (bytes_starts_with(rule, bytes_of(tied)))
        return tie(user, (struct bytes){rule.data + sizeof tied - 1, rule.size - sizeof tied + 1});
    return acl_selector_apply(&user->selectors[0], rule);
}

/* ---------- selectors in several words ---------- */

static bool ends_with_parenthesis(struct bytes word)
{
    return word.size > 0 && word.data[word.size - 1] == ')';
}

bool acl_rules_join(const struct bytes *words, size_t count, struct acl_rules *rules,
                    struct bytes *open)
{
    size_t *ends = xcalloc(count + 1, sizeof *ends), start = 0;
    bool is_open = false;

    *rules = (struct acl_rules){.at = xcalloc(count + 1, sizeof *rules->at)};
    for (size_t i = 0; i < count; i++) {
        if (is_open)
            buffer_append_byte(&rules->storage, ' ');
        buffer_append_bytes(&rules->storage, words[i]);
        if (!is_open && words[i].size > 0 && words[i].data[0] == '(' &&
            !ends_with_parenthesis(words[i])) {
            is_open = true;
            *open = words[i];
        } else if (is_open && ends_with_parenthesis(words[i])) {
            is_open = false;
        }
        if (!is_open)
            ends[rules->count++] = rules->storage.size;
    }
    buffer_append_byte(&rules->storage, '\0'); /* there is always something to point to */
    for (size_t i = 0; i < rules->count; i++) {
        rules->at[i] = (struct bytes){rules->storage.data + start, ends[i] - start};
        start = ends[i];
    }
    free(ends);
    if (is_open)
        acl_rules_clear(rules);
    return !is_open;
}

void acl_rules_clear(struct acl_rules *rules)
{
    free(rules->at);
    buffer_clear(&rules->storage);
    *rules = (struct acl_rules){0};
}

/* ---------- the rest ---------- */

void acl_user_finish(struct acl_user *user)
{
    user->is_unrestricted = false;
    for (size_t i = 0; i < user->selector_count; i++) {
        const struct acl_selector *selector = &user->selectors[i];

        if (selector->has_all_commands && selector->has_all_keys && selector->has_all_channels &&
            user->namespace_title.data == NULL)
            user->is_unrestricted = true;
    }
}

bool acl_user_name_is_fine(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '\0' || isspace((unsigned char)name.data[i]))
            return false;
    return true;
}

bool acl_user_allows_channel(const struct acl_user *user, struct bytes channel, bool is_pattern)
{
    for (size_t i = 0; i < user->selector_count; i++)
        if (acl_selector_allows_channel(&user->selectors[i], channel, is_pattern))
            return true;
    return false;
}

bool acl_user_allows_prefix(const struct acl_user *user, struct bytes prefix, unsigned permissions)
{
    for (size_t i = 0; i < user->selector_count; i++)
        if (acl_selector_allows_prefix(&user->selectors[i], prefix, permissions))
            return true;
    return false;
}

void acl_user_describe(const struct acl_user *user, struct buffer *out)
{
    static const char *const sanitizing[] = {"", "skip-sanitize-payload ", "sanitize-payload "};

    buffer_append_text(out, user->is_on ? "on " : "off ");
    if (user->needs_no_password)
        buffer_append_text(out, "nopass ");
    buffer_append_text(out, sanitizing[user->sanitizing]);
    for (size_t i = 0; i < user->password_count; i++) {
        buffer_append_byte(out, '#');
        acl_password_print(&user->passwords[i], out);
        buffer_append_byte(out, ' ');
    }
    if (user->namespace_title.data != NULL) {
        buffer_append_text(out, "namespace=");
        buffer_append_bytes(out, user->namespace_title);
        buffer_append_byte(out, ' ');
    }
    acl_selector_describe(&user->selectors[0], out);
    for (size_t i = 1; i < user->selector_count; i++) {
        buffer_append_text(out, " (");
        acl_selector_describe(&user->selectors[i], out);
        buffer_append_byte(out, ')');
    }
}
