/* registry.h - the namespaces.
 *
 * A namespace has a 128-bit id that every replica knows, a unique title, settings of its own and
 * exact counts.  Locally its keys live under a 32-bit number; emptying a namespace gives it a new
 * number, at once, and the old number's keys are purged in the background.  The registry's records
 * are ordinary records in the namespace with the local number 0, so they are replicated like any
 * data.
 *
 * N1  Changes are made under the commit order (order.h) and undone if their commit fails.
 * N2  `struct ns` lives until the last ns_release(); a dropped one is marked and answers nothing.
 * N3  A title is shown by one namespace only.  Should two replicas give one title to two, at the
 *     same time, the namespace with the smaller (creation stamp, id) keeps it; the other is shown,
 *     and found, as "<title>~<first 8 digits of its id>" until the first is renamed or dropped.
 * N4  Title and settings are one record, and as with any record the newest version of it holds: of
 *     two replicas that rename a namespace, or set two of its options, at the same time, the later
 *     one decides on both.  The order that SWAPDB gives to the databases is one record too.
 * N5  Emptying and dropping kill what was written before, on every replica: records not newer than
 *     emptied_stamp are dead, whenever they come.  What another replica wrote after an emptying
 *     stays.  A namespace that is dropped is gone with all of it, unless another replica renames it
 *     after that moment: then it comes back, without what was written before the drop.
 * N6  The id of db<n> follows from n, so it has no record until it has settings.  Databases that
 *     only other replicas have (option databases) are stored here too, out of sight.
 */
#ifndef STORE_REGISTRY_H
#define STORE_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "limits/limits.h"

#define NS_ID_SIZE   16
#define NS_TITLE_MAX 512
#define NS_REGISTRY  0 /* the local number of the registry's own records */

struct txn;
struct carry;

struct ns_counts {
    int64_t keys;
    int64_t bytes;    /* of keys, metadata and values */
    int64_t expiring; /* keys with an expiry */
    int64_t buried;   /* tombstones and expired records */
};

struct ns {
    unsigned char id[NS_ID_SIZE];
    atomic_uint_least32_t number; /* where its keys are now */
    atomic_bool is_dropped;
    atomic_int database; /* n of db<n>, or -1 */
    /* with what is not committed yet */
    _Atomic int64_t key_count;
    _Atomic int64_t byte_count;
    _Atomic int64_t expiring_count;
    _Atomic int64_t buried_count;
    _Atomic int64_t setting[LIMIT_COUNT]; /* -1 = the server's default */
    atomic_int references;
    _Atomic uint64_t emptied_stamp; /* records not newer than it are dead; 0 = never emptied */
    _Atomic uint64_t newest_stamp;  /* of all that was ever published in it, at least */

    /* the rest is the store's own, under the order */
    atomic_bool is_stored; /* has a record in the registry and a number in the notes */
    atomic_bool is_used;   /* db<n>: somebody has named it */
    bool is_touched;       /* among the open group's namespaces */
    uint64_t created_stamp;
    uint32_t frozen_number; /* of the group in flight */
    bool is_frozen_dropped;
    struct ns_counts frozen, committed;
    char *title;         /* under the titles' lock; NULL for db<n> */
    char *shown;         /* the same, or "<title>~<id>" (N3) */
    struct carry *carry; /* carry.h */
    struct ns *next;
    struct ns *next_of_id; /* under the titles' lock: in a chain of the index */
};

struct registry;

/* db<n> as SELECT n means it now: SWAPDB exchanges them.  n is in range. */
struct ns *registry_database(const struct registry *registry, int n);
int registry_database_count(const struct registry *registry);

/* What holds for a namespace: its own setting or the server's. */
int64_t ns_limit(const struct registry *registry, const struct ns *ns, enum limit limit);

/* The largest value any namespace has allowed since the start: what a connection must be able to
 * read whole. */
int64_t registry_value_size_max(const struct registry *registry);

/* CONFIG SET of a limit. */
void registry_set_default(struct registry *registry, enum limit limit, int64_t value);

/* The group that stored the newest change of any namespace: who saw it waits for it. */
uint64_t registry_changed_in(const struct registry *registry);

/* --- named access; each takes the registry's own lock --- */

/* STATUS_NO_NAMESPACE, or a reference that the caller gives back by ns_release(). */
enum status registry_find(struct registry *registry, struct bytes title,
                          struct ns **found) MUST_USE;
enum status registry_find_id(struct registry *registry, const unsigned char id[NS_ID_SIZE],
                             struct ns **found) MUST_USE;
struct ns *ns_retain(struct ns *ns);
void ns_release(struct ns *ns);

/* A copy of the title ("db3" for a numbered one); the caller frees. */
char *ns_take_title(struct registry *registry, const struct ns *ns);

/* All that exist, in order of title, each retained; the caller releases each and frees the array.
 */
struct ns **registry_list(struct registry *registry, size_t *count);

/* --- changes: inside a transaction (txn.h), after txn_enter() --- */

enum status registry_create(struct txn *txn, struct bytes title) MUST_USE;
enum status registry_rename(struct txn *txn, struct bytes title, struct bytes new_title) MUST_USE;
enum status registry_drop(struct txn *txn, struct bytes title) MUST_USE; /* db<n>: empties it */
enum status registry_set(struct txn *txn, struct ns *ns, enum limit limit, int64_t value) MUST_USE;
/* Was nothing ever written to it, or to any database?  To empty it is then no change, and nobody is
 * told of it. */
bool registry_is_untouched(const struct txn *txn, const struct ns *ns);
bool registry_are_databases_untouched(struct txn *txn);
enum status registry_empty(struct txn *txn, struct ns *ns) MUST_USE; /* FLUSHDB */
enum status registry_empty_databases(struct txn *txn) MUST_USE;      /* FLUSHALL */
enum status registry_swap(struct txn *txn, int a, int b) MUST_USE;   /* SWAPDB */

#endif
