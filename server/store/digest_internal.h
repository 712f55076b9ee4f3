/* digest_internal.h - the parts of store/digest.h: opening and changes in digest.c, counting and
 * checkpoints in digest_count.c, scrubbing in digest_scrub.c, listing in digest_list.c. */
#ifndef STORE_DIGEST_INTERNAL_H
#define STORE_DIGEST_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "replication/leaves.h"
#include "store/digest.h"
#include "store/store.h"

/* The leaves of one namespace, under its local number. */
struct digest_table {
    uint32_t number;
    unsigned char ns[DIGEST_NS_SIZE];
    struct leaves *leaves;
    bool is_new, is_dropped; /* in the batch that is being committed */
    /* Suspects are looked for from one end to the other, again and again, until a pass has met
     * none. */
    bool may_have_suspects, is_pass_clean;
    struct buffer cursor; /* where the pass goes on */
};

struct store_digest {
    struct store *store;
    struct engine *engine;
    const struct clock *clock;
    struct digest_keys keys;
    pthread_mutex_t mutex; /* all that follows; held by the commit thread while it commits (S2) */
    struct digest_table **tables; /* by number */
    size_t table_count, table_capacity;
    struct digest_table *last_table; /* the one that was asked for last */
    atomic_bool is_wanted;           /* S8 */
    atomic_bool is_resting;
    atomic_bool is_ready;
    _Atomic uint64_t last_own;
    /* S10: when a page was read, 0 = never; and the first of those that followed closely */
    _Atomic int64_t page_us, pages_since_us;
    struct buffer key, value; /* of rows */

    /* the batch that is being committed */
    const struct change **changes;
    size_t change_count, change_capacity;
    struct engine_iterator *iterator; /* as stored before the batch; NULL until it is needed */
    struct digest_table *direct_table;
    struct leaf
        *direct;     /* its sum is to be put into the batch when the last change to it is known */
    bool has_direct; /* the batch has sums */
    bool has_table_changes;
    uint64_t own_max;         /* the newest own stamp of the batch */
    size_t direct_leaves_min; /* tables of so many leaves store sums with the changes */

    /* S9: the newest own stamp that is committed, as far as is known, and the one that is noted */
    uint64_t own_held, own_noted;

    /* the checkpoint */
    struct buffer marks; /* leaves that were marked: number, size and bytes of the boundary */
    size_t marks_done, marks_until; /* until > done: a checkpoint is under way */
    _Atomic int64_t mark_count;     /* changed by the commit thread, read by all */
    _Atomic int64_t bytes_seen;     /* as of the last look that did not have to wait */
    int64_t checkpoint_us;          /* when the last one began, monotonic */
    struct engine_batch *batch;

    /* the scrub: the next leaf to look at */
    uint32_t scrub_number;
    struct buffer scrub_key;
    int64_t scrub_due_us; /* monotonic */
    _Atomic int64_t mismatches;

    size_t list_stretch; /* leaves that digest_list() copies at a time */
};

/* Reads what is stored; makes everything suspect if that can't be trusted.  Before the order
 * starts. */
enum status digest_open(struct store *store, struct bytes secret, bool is_clean,
                        struct store_digest **digest) MUST_USE;
void digest_destroy(struct store_digest *digest);

/* What is stored, instead of what was known before.  After a clean stop, or when the engine has all
 * on disk that it was given, it does not matter that the machine may have gone down. */
enum status digest_load(struct store_digest *digest, bool is_clean) MUST_USE;

/* What is stored will not be kept true from now on (S5). */
void digest_disown(struct engine_batch *batch);

struct digest_table *digest_find_table(struct store_digest *digest, uint32_t number);

/* The hash of a record as it is stored. */
struct hash128 digest_of_header(const struct store_digest *digest, struct hash128 key,
                                const struct record_header *header);

/* Sums up what is stored from the iterator's place on, up to `to` (NULL data: to the end of the
 * namespace) and, with stops_at_boundary, up to the next key that begins a leaf; the iterator
 * stands behind the last record counted. */
struct digest_count {
    struct digest digest;
    struct bytes from, to;
    bool stops_at_boundary;
    bool has_first;        /* there is a record with the key `from` */
    bool is_at_boundary;   /* it stopped at a key that begins a leaf ... */
    struct bytes boundary; /* ... this one; the iterator's */
    size_t records;
    uint64_t own_max; /* the newest stamp of this node's own */
};
enum status digest_count_range(struct store_digest *digest, struct engine_iterator *iterator,
                               const struct digest_table *table,
                               struct digest_count *count) MUST_USE;

/* The leaf's sum is not known, nor what is stored of it. */
void digest_suspect(struct store_digest *digest, struct digest_table *table, struct leaf *leaf);

/* Rows of a leaf. */
void digest_put_sum(struct store_digest *digest, struct engine_batch *batch,
                    const struct digest_table *table, const struct leaf *leaf);
void digest_put_mark(struct store_digest *digest, struct engine_batch *batch,
                     const struct digest_table *table, struct bytes boundary);
void digest_delete_row(struct store_digest *digest, struct engine_batch *batch, char kind,
                       const struct digest_table *table, struct bytes boundary);

/* S9: into a batch that stores sums; once it is written, digest_own_is_noted(). */
void digest_put_own(struct store_digest *digest, struct engine_batch *batch);
void digest_own_is_noted(struct store_digest *digest);

/* What is known is given up, in memory; all is to be counted. */
void digest_suspect_everything(struct store_digest *digest);

/* The commit thread's, when the digest is ready and there is nothing else to do: digest_scrub.c. */
enum status digest_scrub(struct store_digest *digest) MUST_USE;

/* Deletes all rows of all namespaces and makes everything suspect, for good: also after a crash. */
enum status digest_forget_all(struct store_digest *digest) MUST_USE;

#endif
