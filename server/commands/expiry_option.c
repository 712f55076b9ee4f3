#include "commands/expiry_option.h"

static const struct choice_rule {
    const char *word;
    bool has_number;
    bool is_seconds;
    bool is_from_now;
} rules[] = {
    [EXPIRY_EX] = {"ex", true, true, true},
    [EXPIRY_PX] = {"px", true, false, true},
    [EXPIRY_EXAT] = {"exat", true, true, false},
    [EXPIRY_PXAT] = {"pxat", true, false, false},
    [EXPIRY_KEEPTTL] = {"keepttl", false, false, false},
    [EXPIRY_PERSIST] = {"persist", false, false, false},
};

static enum expiry_choice choice_of(struct bytes word)
{
    for (size_t i = EXPIRY_UNSAID + 1; i < COUNT_OF(rules); i++)
        if (bytes_is_word(word, rules[i].word))
            return (enum expiry_choice)i;
    return EXPIRY_UNSAID;
}

bool expiry_option_take(struct expiry_option *option, const struct call *call, size_t *index)
{
    enum expiry_choice choice = choice_of(call->argv[*index]);

    if (choice == EXPIRY_UNSAID)
        return false;
    if (option->choice != EXPIRY_UNSAID && option->choice != choice)
        return false;
    if (rules[choice].has_number) {
        if (*index + 1 == call->argc)
            return false;
        option->number = call->argv[++*index];
    }
    option->choice = choice;
    return true;
}

enum status expiry_option_moment(const struct expiry_option *option, int64_t now_ms,
                                 int64_t *expiry_ms)
{
    const struct choice_rule *rule = &rules[option->choice];
    int64_t moment_ms;

    if (!rule->has_number) {
        *expiry_ms = EXPIRY_NONE;
        return STATUS_OK;
    }
    if (!bytes_to_int64(option->number, &moment_ms))
        return STATUS_NOT_INTEGER;
    if (moment_ms <= 0)
        return STATUS_EXPIRE_TIME;
    if (rule->is_seconds && __builtin_mul_overflow(moment_ms, 1000, &moment_ms))
        return STATUS_EXPIRE_TIME;
    if (rule->is_from_now && __builtin_add_overflow(moment_ms, now_ms, &moment_ms))
        return STATUS_EXPIRE_TIME;
    /* The last millisecond there is stands for "never": one earlier is as good. */
    *expiry_ms = moment_ms < EXPIRY_NONE ? moment_ms : EXPIRY_NONE - 1;
    return STATUS_OK;
}
