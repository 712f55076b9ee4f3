#include "commands/acl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "config/text_file.h"
#include "config/words.h"

static const char default_name[] = "default";

static bool has_all_channels(const struct acl *acl)
{
    return options_number(acl->options, OPTION_ACL_PUBSUB_DEFAULT) == ACL_PUBSUB_ALLCHANNELS;
}

/* ---------- the table; with the lock held, or alone ---------- */

static struct acl_user *find(const struct name_table *users, struct bytes name)
{
    return (struct acl_user *)name_table_find(users, name);
}

/* Takes over the reference, and drops that of the user it replaces. */
static void put(struct name_table *users, struct acl_user *user)
{
    struct acl_user *old = find(users, user->name);

    acl_user_finish(user);
    if (old != NULL)
        name_table_remove(users, &old->node);
    name_table_add(users, &user->node);
    acl_user_release(old);
}

static void empty(struct name_table *users)
{
    struct name_node *node;

    while ((node = name_table_any(users)) != NULL) {
        name_table_remove(users, node);
        acl_user_release((struct acl_user *)node);
    }
    name_table_clear(users);
}

/* A2. */
static void note_change(struct acl *acl)
{
    const struct acl_user *user = find(&acl->users, bytes_of(default_name));

    bool needs_password = !user->is_on || !user->needs_no_password;

    atomic_store(&acl->needs_password, needs_password);
    atomic_store(&acl->is_open, !needs_password && user->is_unrestricted);
    atomic_store(&acl->has_others, acl->users.count > 1);
    atomic_fetch_add_explicit(&acl->generation, 1, memory_order_release);
}

/* ---------- life ---------- */

static struct acl_user *create_default(const struct acl *acl)
{
    struct acl_user *user = acl_user_create_default();
    struct bytes password = options_take_bytes(acl->options, OPTION_REQUIREPASS);
    struct buffer rule = {0};

    if (password.size > 0) {
        buffer_append_byte(&rule, '>');
        buffer_append_bytes(&rule, password);
        if (acl_user_apply(user, buffer_view(&rule), true) != ACL_FINE)
            abort(); /* any password is one */
    }
    buffer_clear(&rule);
    xbytes_free(password);
    return user;
}

struct acl *acl_create(struct options *options)
{
    struct acl *acl = xcalloc(1, sizeof *acl);

    acl_names_init();
    acl->options = options;
    acl->log = acl_log_create();
    (void)pthread_mutex_init(&acl->lock, NULL);
    put(&acl->users, create_default(acl));
    note_change(acl);
    return acl;
}

void acl_destroy(struct acl *acl)
{
    if (acl == NULL)
        return;
    empty(&acl->users);
    acl_log_destroy(acl->log);
    (void)pthread_mutex_destroy(&acl->lock);
    free(acl);
}

static void set_default_password(struct acl *acl, struct bytes password)
{
    struct acl_user *user;
    struct buffer rule = {0};
    enum acl_problem problem;

    buffer_append_byte(&rule, '>');
    buffer_append_bytes(&rule, password);
    (void)pthread_mutex_lock(&acl->lock);
    user = acl_user_copy(find(&acl->users, bytes_of(default_name)));
    problem = acl_user_apply(user, bytes_of("resetpass"), true);
    assert(problem == ACL_FINE);
    problem =
        acl_user_apply(user, password.size > 0 ? buffer_view(&rule) : bytes_of("nopass"), true);
    assert(problem == ACL_FINE);
    (void)problem;
    put(&acl->users, user);
    note_change(acl);
    (void)pthread_mutex_unlock(&acl->lock);
    buffer_clear(&rule);
}

static bool change_password(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct acl *acl = context;
    struct bytes password = options_take_bytes(acl->options, id);

    (void)error;
    set_default_password(acl, password);
    xbytes_free(password);
    return true;
}

void acl_obey_options(struct acl *acl)
{
    options_set_hook(acl->options, OPTION_REQUIREPASS, change_password, acl);
}

/* ---------- finding ---------- */

struct acl_user *acl_find_user(struct acl *acl, struct bytes name)
{
    struct acl_user *user;

    (void)pthread_mutex_lock(&acl->lock);
    user = find(&acl->users, name);
    if (user != NULL)
        (void)acl_user_retain(user);
    (void)pthread_mutex_unlock(&acl->lock);
    return user;
}

struct acl_user *acl_authenticate(struct acl *acl, struct bytes name, struct bytes password)
{
    struct acl_user *user = acl_find_user(acl, name);
    struct acl_password hash;

    acl_password_hash(password, &hash); /* also for nobody: the time says nothing of names */
    if (user != NULL && user->is_on &&
        (user->needs_no_password || acl_user_knows_password(user, &hash)))
        return user;
    acl_user_release(user);
    return NULL;
}

struct by_password {
    struct acl_password hash;
    struct acl_user *found;
};

static void try_password(void *context, struct name_node *node)
{
    struct by_password *wanted = context;
    struct acl_user *user = (struct acl_user *)node;

    if (wanted->found == NULL && user->is_on && acl_user_knows_password(user, &wanted->hash))
        wanted->found = acl_user_retain(user);
}

struct acl_user *acl_find_by_password(struct acl *acl, struct bytes password)
{
    struct by_password wanted = {.found = NULL};

    acl_password_hash(password, &wanted.hash);
    (void)pthread_mutex_lock(&acl->lock);
    name_table_each(&acl->users, try_password, &wanted);
    (void)pthread_mutex_unlock(&acl->lock);
    return wanted.found;
}

struct listing {
    struct acl_user **users;
    size_t count;
};

static void add_to_list(void *context, struct name_node *node)
{
    struct listing *listing = context;

    listing->users[listing->count++] = acl_user_retain((struct acl_user *)node);
}

static int by_name(const void *left, const void *right)
{
    const struct acl_user *const *a = left, *const *b = right;

    return bytes_compare((*a)->name, (*b)->name);
}

struct acl_user **acl_list_users(struct acl *acl, size_t *count)
{
    struct listing listing = {NULL, 0};

    (void)pthread_mutex_lock(&acl->lock);
    listing.users = xcalloc(acl->users.count, sizeof(struct acl_user *));
    name_table_each(&acl->users, add_to_list, &listing);
    (void)pthread_mutex_unlock(&acl->lock);
    qsort(listing.users, listing.count, sizeof(struct acl_user *), by_name);
    *count = listing.count;
    return listing.users;
}

/* ---------- one user ---------- */

static enum status fail_rule(struct buffer *error, struct bytes rule, enum acl_problem problem)
{
    buffer_append_text(error, "Error in ACL SETUSER modifier '");
    buffer_append_bytes(error, rule);
    buffer_printf(error, "': %s", acl_problem_text(problem));
    return STATUS_FAILED;
}

static enum status apply_words(struct acl_user *user, const struct bytes *words, size_t count,
                               bool gets_all_channels, struct buffer *error)
{
    enum acl_problem problem = ACL_FINE;
    struct acl_rules rules;
    struct bytes open;

    if (!acl_rules_join(words, count, &rules, &open)) {
        buffer_append_text(error, "Unmatched parenthesis in acl selector starting at '");
        buffer_append_bytes(error, open);
        buffer_append_text(error, "'.");
        return STATUS_FAILED;
    }
    for (size_t i = 0; i < rules.count && problem == ACL_FINE; i++) {
        problem = acl_user_apply(user, rules.at[i], gets_all_channels);
        if (problem != ACL_FINE)
            (void)fail_rule(error, rules.at[i], problem);
    }
    acl_rules_clear(&rules);
    return problem == ACL_FINE ? STATUS_OK : STATUS_FAILED;
}

enum status acl_set_user(struct acl *acl, struct bytes name, const struct bytes *words,
                         size_t count, struct acl_user **old, struct acl_user **new,
                         struct buffer *error)
{
    struct acl_user *before, *user;
    enum status s;

    (void)pthread_mutex_lock(&acl->lock);
    before = find(&acl->users, name);
    user = before != NULL ? acl_user_copy(before) : acl_user_create(name, has_all_channels(acl));
    s = apply_words(user, words, count, has_all_channels(acl), error);
    if (s == STATUS_OK) {
        *old = before != NULL ? acl_user_retain(before) : NULL;
        *new = acl_user_retain(user);
        put(&acl->users, user);
        note_change(acl);
    } else {
        acl_user_release(user);
    }
    (void)pthread_mutex_unlock(&acl->lock);
    return s;
}

bool acl_delete_user(struct acl *acl, struct bytes name)
{
    struct acl_user *user;

    assert(!bytes_equal(name, bytes_of(default_name)));
    (void)pthread_mutex_lock(&acl->lock);
    user = find(&acl->users, name);
    if (user != NULL) {
        name_table_remove(&acl->users, &user->node);
        acl_user_release(user);
        note_change(acl);
    }
    (void)pthread_mutex_unlock(&acl->lock);
    return user != NULL;
}

/* ---------- many users: a file, or the config file's ---------- */

/* Users that are being read; they become those that hold if there was no error. */
struct loading {
    const struct acl *acl;
    struct name_table users;
    const char *file; /* NULL = the config file */
    int line;
    struct buffer *errors;
};

static void add_place(struct loading *loading)
{
    if (loading->file != NULL)
        buffer_printf(loading->errors, "%s:%d: ", loading->file, loading->line);
}

/* The words of one selector may be split; what is wrong with any of them is told. */
static void load_rules(struct loading *loading, struct acl_user *user, const struct bytes *words,
                       size_t count)
{
    struct acl_rules rules;
    struct bytes open;

    if (!acl_rules_join(words, count, &rules, &open)) {
        add_place(loading);
        buffer_append_text(loading->errors, "Unmatched parenthesis in selector definition. ");
        return;
    }
    for (size_t i = 0; i < rules.count; i++) {
        enum acl_problem problem =
            acl_user_apply(user, rules.at[i], has_all_channels(loading->acl));

        if (problem == ACL_FINE)
            continue;
        add_place(loading);
        if (problem == ACL_UNKNOWN_NAME) /* nothing secret can stand there */
            buffer_printf(loading->errors,
                          "Error in applying operation '%.*s': ", (int)rules.at[i].size,
                          rules.at[i].data);
        buffer_printf(loading->errors, "%s. ", acl_problem_text(problem));
        if (problem != ACL_UNKNOWN_NAME)
            break;
    }
    acl_rules_clear(&rules);
}

/* "user <name> <rules>", the first word aside. */
static void load_user(struct loading *loading, const struct bytes *words, size_t count)
{
    struct acl_user *user;

    if (!acl_user_name_is_fine(words[0])) {
        add_place(loading);
        buffer_printf(loading->errors, "username '%.*s' contains invalid characters. ",
                      (int)words[0].size, words[0].data);
        return;
    }
    if (find(&loading->users, words[0]) != NULL) {
        buffer_printf(loading->errors, "WARNING: Duplicate user '%.*s' found", (int)words[0].size,
                      words[0].data);
        if (loading->file != NULL)
            buffer_printf(loading->errors, " on line %d", loading->line);
        buffer_append_text(loading->errors, ". ");
        return;
    }
    user = acl_user_create(words[0], has_all_channels(loading->acl));
    load_rules(loading, user, words + 1, count - 1);
    if (!user->is_on)
        log_line(LOG_NOTICE,
                 "The user '%.*s' is disabled (there is no 'on' modifier in the user "
                 "description). Make sure this is not a configuration error.",
                 (int)words[0].size, words[0].data);
    put(&loading->users, user);
}

/* The lines of an ACL file are split at every blank: there are no quotes in it. */
static struct bytes *split_line(struct bytes line, size_t *count)
{
    struct bytes *words = xcalloc(line.size / 2 + 2, sizeof *words), word;

    *count = 0;
    while (words_next(&line, &word))
        words[(*count)++] = word;
    return words;
}

static void load_line(struct loading *loading, struct bytes line)
{
    size_t count;
    struct bytes *words = split_line(line, &count);

    if (count == 1 || (count > 0 && !bytes_equal(words[0], bytes_of("user"))))
        buffer_printf(loading->errors,
                      "%s:%d should start with user keyword followed by the username. ",
                      loading->file, loading->line);
    else if (count > 0)
        load_user(loading, words + 1, count - 1);
    free(words);
}

/* A3: in place of those that were there, if nothing was wrong. */
static enum status take_over(struct acl *acl, struct loading *loading, struct acl_user *fallback)
{
    struct name_table old;

    if (loading->errors->size > 0) {
        empty(&loading->users);
        acl_user_release(fallback);
        return STATUS_FAILED;
    }
    if (find(&loading->users, bytes_of(default_name)) == NULL)
        put(&loading->users, fallback);
    else
        acl_user_release(fallback);
    (void)pthread_mutex_lock(&acl->lock);
    old = acl->users;
    acl->users = loading->users;
    note_change(acl);
    (void)pthread_mutex_unlock(&acl->lock);
    empty(&old);
    return STATUS_OK;
}

/* ---------- the file ---------- */

bool acl_has_file(const struct acl *acl)
{
    char *path = options_take_text(acl->options, OPTION_ACLFILE);
    bool has_file = path[0] != '\0';

    free(path);
    return has_file;
}

/* As in Redis, where `dir` becomes the working directory, a relative path begins there. */
static void find_path(const struct acl *acl, struct buffer *path)
{
    char *name = options_take_text(acl->options, OPTION_ACLFILE);
    char *dir = options_take_text(acl->options, OPTION_DIR);

    if (name[0] == '/')
        buffer_append_text(path, name);
    else
        buffer_printf(path, "%s/%s", dir, name);
    buffer_append_byte(path, '\0');
    free(name);
    free(dir);
}

enum status acl_load_file(struct acl *acl, struct buffer *error)
{
    struct loading loading = {.acl = acl, .errors = error};
    struct buffer path = {0}, text = {0};
    struct bytes rest, line;
    enum status s;
    int problem;

    find_path(acl, &path);
    problem = text_file_read(path.data, &text);
    if (problem != 0)
        buffer_printf(error, "Error loading ACLs, opening file '%s': %s. ", path.data,
                      strerror(problem));
    rest = buffer_view(&text);
    loading.file = path.data;
    while (words_next_line(&rest, &line)) {
        loading.line++;
        load_line(&loading, line);
    }
    s = take_over(acl, &loading, create_default(acl));
    if (s != STATUS_OK)
        buffer_append_text(error, "WARNING: ACL errors detected, no change to the previously "
                                  "active ACL rules was performed");
    buffer_clear(&text);
    buffer_clear(&path);
    return s;
}

static void print_user(const struct acl_user *user, struct buffer *lines)
{
    buffer_append_text(lines, "user ");
    buffer_append_bytes(lines, user->name);
    buffer_append_byte(lines, ' ');
    acl_user_describe(user, lines);
    buffer_append_byte(lines, '\n');
}

enum status acl_save_file(struct acl *acl, struct buffer *error)
{
    struct buffer path = {0}, text = {0};
    size_t count;
    struct acl_user **users = acl_list_users(acl, &count);
    int problem;

    for (size_t i = 0; i < count; i++) {
        print_user(users[i], &text);
        acl_user_release(users[i]);
    }
    free(users);
    find_path(acl, &path);
    problem = text_file_replace(path.data, buffer_view(&text));
    if (problem != 0) {
        log_line(LOG_WARNING, "ACL SAVE: writing %s: %s", path.data, strerror(problem));
        buffer_append_text(error, "There was an error trying to save the ACLs. Please check the "
                                  "server logs for more information");
    }
    buffer_clear(&text);
    buffer_clear(&path);
    return problem == 0 ? STATUS_OK : STATUS_FAILED;
}

/* ---------- the config file ---------- */

static bool is_as_created(const struct acl *acl, const struct acl_user *user)
{
    struct acl_user *plain = create_default(acl);
    struct buffer now = {0}, then = {0};
    bool is_same;

    acl_user_describe(user, &now);
    acl_user_describe(plain, &then);
    is_same = bytes_equal(buffer_view(&now), buffer_view(&then));
    buffer_clear(&now);
    buffer_clear(&then);
    acl_user_release(plain);
    return is_same;
}

/* Quotes mean something in the config file; the # of passwords does not, behind the first word. */
static void print_word(struct bytes word, struct buffer *lines)
{
    buffer_append_byte(lines, ' ');
    if (word.size > 0 &&
        (memchr(word.data, '"', word.size) != NULL || memchr(word.data, '\'', word.size) != NULL))
        words_quote(lines, word);
    else
        buffer_append_bytes(lines, word);
}

static void print_quoted(const struct acl_user *user, struct buffer *lines)
{
    struct buffer text = {0};
    struct bytes rest, word;

    buffer_append_text(lines, "user");
    print_word(user->name, lines);
    acl_user_describe(user, &text);
    rest = buffer_view(&text);
    while (words_next(&rest, &word))
        print_word(word, lines);
    buffer_append_byte(lines, '\n');
    buffer_clear(&text);
}

void acl_print_users(struct acl *acl, struct buffer *lines)
{
    size_t count;
    struct acl_user **users;

    if (acl_has_file(acl))
        return;
    users = acl_list_users(acl, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_default = bytes_equal(users[i]->name, bytes_of(default_name));

        if (!is_default || !is_as_created(acl, users[i]))
            print_quoted(users[i], lines);
        acl_user_release(users[i]);
    }
    free(users);
}

static enum status load_configured(struct acl *acl, struct buffer *error)
{
    struct loading loading = {.acl = acl, .errors = error};
    size_t count;

    for (size_t i = 0; i < options_line_count(acl->options, LINE_USER) && error->size == 0; i++) {
        const char *origin;
        const struct bytes *words = options_line(acl->options, LINE_USER, i, &count, &origin);
        struct buffer problem = {0};

        loading.errors = &problem;
        load_user(&loading, words, count);
        if (problem.size > 0)
            buffer_printf(error, "%s: user '%.*s': %.*s", origin, (int)words[0].size, words[0].data,
                          (int)problem.size, problem.data);
        buffer_clear(&problem);
    }
    loading.errors = error;
    return take_over(acl, &loading, create_default(acl));
}

enum status acl_load_at_start(struct acl *acl, char error[ACL_ERROR_MAX])
{
    struct buffer text = {0};
    enum status s = STATUS_OK;

    if (acl_has_file(acl) && options_line_count(acl->options, LINE_USER) > 0) {
        s = STATUS_FAILED;
        buffer_append_text(&text, "users are declared by 'user' lines and by an aclfile: one of "
                                  "the two must go");
    } else if (acl_has_file(acl)) {
        s = acl_load_file(acl, &text);
    } else if (options_line_count(acl->options, LINE_USER) > 0) {
        s = load_configured(acl, &text);
    }
    if (s != STATUS_OK)
        (void)snprintf(error, ACL_ERROR_MAX, "%.*s", (int)text.size, text.data);
    buffer_clear(&text);
    return s;
}
