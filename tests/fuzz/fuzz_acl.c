/* fuzz_acl.c - whatever rules a user is given, they are taken or refused; and what describes a user
 * makes the same user again. */
#include <assert.h>
#include <stdlib.h>

#include "commands/acl_user.h"
#include "commands/table.h"
#include "config/words.h"
#include "fuzz/target.h"

#define WORDS_MAX 256

/* NULL if a rule is refused. */
static struct acl_user *build(struct bytes text)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);
    enum acl_problem problem = ACL_FINE;
    struct bytes words[WORDS_MAX], open;
    struct acl_rules rules;
    size_t count = 0;

    while (count < WORDS_MAX && words_next(&text, &words[count]))
        count++;
    if (!acl_rules_join(words, count, &rules, &open)) {
        acl_user_release(user);
        return NULL;
    }
    for (size_t i = 0; i < rules.count && problem == ACL_FINE; i++)
        problem = acl_user_apply(user, rules.at[i], false);
    acl_rules_clear(&rules);
    acl_user_finish(user);
    if (problem == ACL_FINE)
        return user;
    assert(acl_problem_text(problem)[0] != '\0');
    acl_user_release(user);
    return NULL;
}

static void check(const struct acl_user *user)
{
    struct buffer once = {0}, twice = {0};
    struct acl_user *again;

    acl_user_describe(user, &once);
    again = build(buffer_view(&once));
    assert(again != NULL && again->is_unrestricted == user->is_unrestricted);
    acl_user_describe(again, &twice);
    assert(bytes_equal(buffer_view(&once), buffer_view(&twice)));
    for (size_t i = 0; i < user->selector_count; i++)
        assert(acl_set_equal(&user->selectors[i].commands, &again->selectors[i].commands));
    (void)acl_user_allows_channel(user, buffer_view(&once), false);
    (void)acl_selector_allows_prefix(&user->selectors[0], buffer_view(&once), ACL_READ);
    acl_user_release(again);
    buffer_clear(&once);
    buffer_clear(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acl_user *user;

    table_init();
    acl_names_init();
    if (size > 1024)
        return 0;
    user = build((struct bytes){(const char *)data, size});
    if (user != NULL)
        check(user);
    acl_user_release(user);
    return 0;
}
