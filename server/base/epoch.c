#include "base/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/compiler.h"
#include "base/memory.h"

/* The domain counts epochs.  A thread that enters copies the count into its slot, one that exits
 * writes 0 there.  Retired objects gather in the thread's fresh batch; to seal a batch is to add
 * one to the count and remember what it was, the batch's tag.
 *
 * A slot that holds a number above the tag belongs to a thread that read the count after the seal,
 * and so after all unlinks before it (the count is only ever changed by read-modify-write, so that
 * is a release sequence): it cannot hold an object of the batch.  A slot that holds 0 belongs to a
 * thread that is outside, or to one that is entering and whose store we don't see yet: then, by the
 * two fences (in epoch_enter and in oldest_inside), it sees our unlinks.  So a batch is ripe when
 * no slot holds 1 .. tag.
 *
 * One sealed batch at a time and one tag for all of it: retire costs an append, and the shared
 * count moves once a batch, not once an object. */

#define BATCH_OBJECTS       64 /* so many fresh objects, and exit looks what can be freed */
#define COLLECT_EVERY_TURNS 16 /* else it looks only so often */
#define BATCH_KEPT_CAPACITY 4096
#define WAIT_YIELDS         64

struct retired {
    void *object;
    void (*destroy)(void *object);
};

struct batch {
    struct retired *list;
    size_t count;
    size_t capacity;
};

struct epoch_thread {
    CACHE_ALIGNED _Atomic uint64_t inside_since; /* 0 = outside; the only field others read */
    uint64_t stay;                               /* counts them; written with the other */

    CACHE_ALIGNED struct epoch *epoch;
    struct epoch_thread *next; /* never changes: slots are reused, and freed with the domain */
    bool is_taken;             /* under epoch->lock */
    struct batch fresh;
    struct batch sealed;
    uint64_t sealed_tag;
    size_t fresh_hurried, sealed_hurried; /* bytes: epoch_hurry() */
};

struct epoch {
    CACHE_ALIGNED _Atomic uint64_t count;
    CACHE_ALIGNED _Atomic(struct epoch_thread *) slots;
    pthread_mutex_t lock; /* who owns which slot */
};

static void full_fence(void)
{
    /* gcc warns that TSan doesn't model fences.  It needs not: the edges it has to see, from a
     * reader's last look to the free, are the release and acquire of inside_since. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
    atomic_thread_fence(memory_order_seq_cst);
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

static void destroy_batch(struct batch *batch)
{
    size_t count = batch->count;

    for (size_t i = 0; i < count; i++)
        batch->list[i].destroy(batch->list[i].object);
    batch->count = 0;
    if (batch->capacity > BATCH_KEPT_CAPACITY) {
        free(batch->list);
        *batch = (struct batch){0};
    }
}

struct epoch *epoch_create(void)
{
    struct epoch *epoch = xaligned_alloc(CACHE_LINE, sizeof *epoch);

    atomic_init(&epoch->count, 1);
    atomic_init(&epoch->slots, NULL);
    (void)pthread_mutex_init(&epoch->lock, NULL);
    return epoch;
}

void epoch_destroy(struct epoch *epoch)
{
    struct epoch_thread *next;

    if (epoch == NULL)
        return;
    for (struct epoch_thread *slot = atomic_load(&epoch->slots); slot != NULL; slot = next) {
        next = slot->next;
        assert(!slot->is_taken);
        destroy_batch(&slot->sealed);
        destroy_batch(&slot->fresh);
        free(slot->sealed.list);
        free(slot->fresh.list);
        free(slot);
    }
    (void)pthread_mutex_destroy(&epoch->lock);
    free(epoch);
}

static struct epoch_thread *find_free_slot(struct epoch *epoch)
{
    struct epoch_thread *slot = atomic_load(&epoch->slots);

    while (slot != NULL && slot->is_taken)
        slot = slot->next;
    return slot;
}

static struct epoch_thread *add_slot(struct epoch *epoch)
{
    struct epoch_thread *slot = xaligned_alloc(CACHE_LINE, sizeof *slot);

    *slot = (struct epoch_thread){.epoch = epoch, .next = atomic_load(&epoch->slots)};
    atomic_store(&epoch->slots, slot);
    return slot;
}

struct epoch_thread *epoch_join(struct epoch *epoch)
{
    struct epoch_thread *slot;

    (void)pthread_mutex_lock(&epoch->lock);
    slot = find_free_slot(epoch);
    if (slot == NULL)
        slot = add_slot(epoch);
    slot->is_taken = true;
    (void)pthread_mutex_unlock(&epoch->lock);
    return slot;
}

void epoch_leave(struct epoch_thread *thread)
{
    struct epoch *epoch = thread->epoch;

    epoch_collect(thread);
    (void)pthread_mutex_lock(&epoch->lock);
    thread->is_taken = false;
    (void)pthread_mutex_unlock(&epoch->lock);
}

bool epoch_is_inside(const struct epoch_thread *thread)
{
    return atomic_load_explicit(&thread->inside_since, memory_order_relaxed) != 0;
}

void epoch_enter(struct epoch_thread *thread)
{
    uint64_t now = atomic_load_explicit(&thread->epoch->count, memory_order_acquire);

    assert(!epoch_is_inside(thread));
    atomic_store_explicit(&thread->inside_since, now, memory_order_release);
    full_fence();
    thread->stay++;
}

uint64_t epoch_stay(const struct epoch_thread *thread)
{
    return thread->stay;
}

void epoch_hurry(struct epoch_thread *thread, size_t bytes)
{
    thread->fresh_hurried += bytes;
}

size_t epoch_hurried(const struct epoch_thread *thread)
{
    return thread->sealed_hurried + thread->fresh_hurried;
}

/* Looking costs a fence and a line of each thread's. */
static bool is_time_to_collect(struct epoch_thread *thread)
{
    return thread->fresh.count >= BATCH_OBJECTS || epoch_hurried(thread) > 0 ||
           thread->stay % COLLECT_EVERY_TURNS == 0;
}

void epoch_exit(struct epoch_thread *thread)
{
    assert(epoch_is_inside(thread));
    atomic_store_explicit(&thread->inside_since, 0, memory_order_release);
    if (epoch_pending(thread) == 0) {
        thread->fresh_hurried = 0; /* it was not retired after all */
        return;
    }
    if (is_time_to_collect(thread))
        epoch_collect(thread);
}

void epoch_retire(struct epoch_thread *thread, void *object, void (*destroy)(void *object))
{
    struct batch *batch = &thread->fresh;

    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity == 0 ? BATCH_OBJECTS : batch->capacity * 2;
        batch->list = xrealloc(batch->list, batch->capacity * sizeof batch->list[0]);
    }
    batch->list[batch->count++] = (struct retired){object, destroy};
}

size_t epoch_pending(const struct epoch_thread *thread)
{
    return thread->sealed.count + thread->fresh.count;
}

/* When the longest-staying thread entered; UINT64_MAX if all are outside. */
static uint64_t oldest_inside(struct epoch *epoch)
{
    uint64_t oldest = UINT64_MAX;

    full_fence();
    for (struct epoch_thread *slot = atomic_load_explicit(&epoch->slots, memory_order_acquire);
         slot != NULL; slot = slot->next) {
        uint64_t since = atomic_load_explicit(&slot->inside_since, memory_order_acquire);

        if (since != 0 && since < oldest)
            oldest = since;
    }
    return oldest;
}

static void seal(struct epoch_thread *thread)
{
    struct batch empty = thread->sealed;

    thread->sealed = thread->fresh;
    thread->fresh = empty;
    thread->sealed_hurried = thread->fresh_hurried;
    thread->fresh_hurried = 0;
    thread->sealed_tag = atomic_fetch_add(&thread->epoch->count, 1);
}

static void free_sealed_if_ripe(struct epoch_thread *thread)
{
    if (thread->sealed.count == 0 || oldest_inside(thread->epoch) <= thread->sealed_tag)
        return;
    destroy_batch(&thread->sealed);
    thread->sealed_hurried = 0;
}

void epoch_collect(struct epoch_thread *thread)
{
    assert(!epoch_is_inside(thread));
    free_sealed_if_ripe(thread);
    if (thread->sealed.count > 0 || thread->fresh.count == 0)
        return;
    seal(thread);
    free_sealed_if_ripe(thread);
}

void epoch_synchronize(struct epoch *epoch)
{
    const struct timespec pause = {.tv_nsec = 50000};
    uint64_t tag = atomic_fetch_add(&epoch->count, 1);

    for (int tries = 0; oldest_inside(epoch) <= tag; tries++) {
        if (tries < WAIT_YIELDS)
            (void)sched_yield();
        else
            (void)nanosleep(&pause, NULL);
    }
}
