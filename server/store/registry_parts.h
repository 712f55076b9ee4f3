/* registry_parts.h - what the registry's own files share.
 *
 *     registry.c          the namespaces in memory: by id, number, title
 *     registry_change.c   changes made here
 *     registry_merge.c    changes that other replicas made
 *     registry_load.c     reading it all at start
 *     ns.c                one namespace and its counts
 *
 * Keys and values of the registry's records:
 *
 *     'n' id       version u8 = 1, creation stamp u64, settings i64 x LIMIT_COUNT, title
 *     'e' id       u64: what is not newer is dead.  A tombstone, which dropping the namespace
 *                  leaves, says the same of its own stamp
 *     'd'          SWAPDB: for each database number, from 0 on, the id it names; numbers behind
 *                  the last name what they are called after
 */
#ifndef STORE_REGISTRY_PARTS_H
#define STORE_REGISTRY_PARTS_H

#include <pthread.h>

#include "base/buffer.h"
#include "store/registry_internal.h"

#define KEY_NAMESPACE 'n'
#define KEY_EMPTIED   'e'
#define KEY_DATABASES "d"

/* Ids are random, or end in a database's number: their last bytes choose the chain. */
#define ID_CHAINS ((size_t)4096)

/* An id that names no namespace here: what must be known should one appear. */
struct absent {
    unsigned char id[NS_ID_SIZE];
    atomic_bool is_dropped; /* asked for outside of the order */
    uint64_t emptied_stamp;
    struct absent *next;
};

struct registry {
    pthread_mutex_t titles;
    struct ns *all;              /* newest first; holds a reference to each */
    struct ns *by_id[ID_CHAINS]; /* the same ones */
    struct absent *absent;
    struct ns *self;
    int database_count;
    _Atomic(struct ns *) *databases;
    struct buffer permutation; /* the value of 'd', under the order */
    _Atomic int64_t defaults[LIMIT_COUNT];
    _Atomic int64_t value_size_max;
    _Atomic uint64_t changed_in;
    atomic_uint_least32_t next_number;
};

/* --- ns.c --- */

struct ns *ns_create(struct bytes id, int database);
static inline struct bytes ns_id(const struct ns *ns)
{
    return (struct bytes){(const char *)ns->id, NS_ID_SIZE};
}
struct ns_counts ns_read_counts(const struct ns *ns);
void ns_set_counts(struct ns *ns, struct ns_counts counts);
struct bytes ns_counts_key(struct buffer *key, uint32_t number);

/* --- registry.c --- */

uint32_t registry_new_number(struct registry *registry);
void registry_add(struct registry *registry, struct ns *ns);
void registry_take_out(struct registry *registry, struct ns *ns);
void registry_set_setting(struct registry *registry, struct ns *ns, enum limit limit,
                          int64_t value);

/* NULL if there is none, or it is dropped.  A numbered database is always there. */
struct ns *registry_live_ns(struct registry *registry, struct bytes id);
/* Never NULL. */
struct absent *registry_absent(struct registry *registry, struct bytes id);

/* Dead until when, as an 'e' record of any kind says; 0 if it says nothing. */
uint64_t registry_dead_until(bool is_live, uint64_t stamp, struct bytes value);
/* ... which is noted of a namespace that is there, or may come. */
void registry_note_emptied(struct registry *registry, struct bytes id, uint64_t stamp);

/* The number of "db<n>", -1 if the title is not of that form.  Any n counts, also one that this
 * server has no database for. */
int64_t registry_database_of_title(struct bytes title);
bool registry_is_title(struct bytes title);
/* Under the titles' lock: the namespace that is shown under a title, or NULL. */
struct ns *registry_find_title(struct registry *registry, struct bytes title);
void registry_set_title(struct registry *registry, struct ns *ns, struct bytes title);
/* Who is shown under the namespace's title?  After it came, or was dropped. */
void registry_refresh_title(struct registry *registry, const struct ns *ns);

/* Is it a list of ids as 'd' has it, each once? */
bool registry_is_permutation(struct bytes value);
/* Databases are named in this order from now on. */
void registry_permute(struct registry *registry, struct bytes permutation);
/* The id of what a database number names. */
struct bytes registry_id_of_database(const struct registry *registry, int n, char text[NS_ID_SIZE]);

/* --- registry_change.c: steps of a change, each of which is taken back if the commit fails --- */

struct registry *registry_of(const struct txn *txn);
struct bytes registry_id_key(char text[ID_KEY_SIZE], char kind, struct bytes id);

/* Before fields of the namespace are changed. */
void registry_remember(struct txn *txn, struct ns *ns);
/* The namespace has a number from now on, in the notes too. */
void registry_note_number(struct txn *txn, struct ns *ns);
/* The beginning and the end of a namespace, but for its record. */
void registry_begin(struct txn *txn, struct ns *ns);
void registry_end(struct txn *txn, struct ns *ns);
/* All that is there goes; what is not newer than the stamp is dead for good. */
void registry_kill(struct txn *txn, struct ns *ns, uint64_t stamp);
void registry_permute_in(struct txn *txn, struct bytes permutation);

/* The value of an 'n' record, borrowed. */
struct ns_record {
    uint64_t created_stamp;
    int64_t setting[LIMIT_COUNT];
    struct bytes title;
};
enum status registry_read_ns(struct bytes value, struct ns_record *record) MUST_USE;

#endif
