/* prefixes.h - who wants to hear of which keys, read or not: CLIENT TRACKING BCAST (tracking.h).
 *
 *     tracker --< wish >-- prefix --< changed        (a wish is in a list of each of its two ends)
 *
 * B1  A prefix holds at a place: in all numbered databases together, or in one namespace (K4).
 * B2  A prefix for which nobody wishes any more is gone.
 * B3  Changes are collected at each prefix they concern, each key once, until the commit's group is
 *     over: then its wishers are told of all of them at once.
 *
 * All of it is under tracking's lock.
 */
#ifndef COMMANDS_PREFIXES_H
#define COMMANDS_PREFIXES_H

#include <sys/queue.h>

#include "base/buffer.h"
#include "base/name_table.h"
#include "commands/session.h"
#include "store/news.h"

struct tracker;

struct place {
    char id[NS_ID_SIZE]; /* of a named namespace; zeros = the numbered databases */
};

/* A client wants to hear of a prefix. */
struct wish {
    struct prefix *prefix;
    struct tracker *tracker;
    TAILQ_ENTRY(wish) of_tracker;
    TAILQ_ENTRY(wish) of_prefix;
};

TAILQ_HEAD(wish_list, wish);

/* A key with a prefix, changed in the group at hand. */
struct changed {
    struct name_node node; /* first */
    uint64_t author;       /* 0 = several, or nobody here */
    TAILQ_ENTRY(changed) later;
    char key[];
};

struct prefix {
    struct name_node node; /* first; its name is the place and the prefix */
    struct wish_list wishes;
    TAILQ_HEAD(changed_list, changed) changes;
    struct name_table changed_keys;
    TAILQ_ENTRY(prefix) others;
    char name[];
};

struct prefixes {
    struct name_table by_name;
    TAILQ_HEAD(prefix_list, prefix) all;
    int64_t count;
    struct buffer name;
};

void prefixes_init(struct prefixes *prefixes);
/* Nobody wishes anything any more. */
void prefixes_clear(struct prefixes *prefixes);

/* Where the wishes of a session hold that has selected the namespace. */
struct place prefixes_place(const struct session *session, const struct ns *ns);

/* The tracker, whose wishes these are, wishes one more, if it does not already. */
void prefixes_wish(struct prefixes *prefixes, struct wish_list *wishes, struct tracker *tracker,
                   const struct place *place, struct bytes text);
/* All that it wishes somewhere it wishes here, too. */
void prefixes_spread(struct prefixes *prefixes, struct wish_list *wishes, struct tracker *tracker,
                     const struct place *place);
void prefixes_drop(struct prefixes *prefixes, struct wish_list *wishes);

void prefixes_note(struct prefixes *prefixes, const struct news *news);
void prefix_forget_changes(struct prefix *prefix);

struct bytes prefix_text(const struct prefix *prefix);

#endif
