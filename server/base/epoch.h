/* epoch.h - when is it safe to free what others may still read?
 *
 * Readers of shared memory take no lock here.  A thread that reads says so by epoch_enter() and
 * epoch_exit(), once for each turn of its event loop; between the two it may hold pointers to
 * anything it found.  A writer unlinks an object first and then retires it; it is freed once every
 * thread that was inside at that moment has been outside.  (Quiescent-state-based reclamation; see
 * McKenney, "Is Parallel Programming Hard", chapter 9.5.)
 *
 * E1  A pointer found inside is valid until the same thread's epoch_exit().
 * E2  Retire comes after unlink: nobody who enters later can find the object.
 * E3  A thread's retired objects are freed by that thread alone, in its own later calls.  What is
 *     left when it leaves goes to the next thread that joins, or is freed with the domain.
 * E4  A thread must not stay inside while it waits for another one, or nothing is ever freed.
 */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoch;
struct epoch_thread;

struct epoch *epoch_create(void);
/* All threads have left.  Frees what they retired. */
void epoch_destroy(struct epoch *epoch);

/* A thread's membership; the pointer belongs to the domain and ends with epoch_leave(), which the
 * thread calls outside. */
struct epoch_thread *epoch_join(struct epoch *epoch);
void epoch_leave(struct epoch_thread *thread);

void epoch_enter(struct epoch_thread *thread);
void epoch_exit(struct epoch_thread *thread);
bool epoch_is_inside(const struct epoch_thread *thread);

/* Another number each time that the thread has entered: what was found under it is still valid. */
uint64_t epoch_stay(const struct epoch_thread *thread);

/* `destroy(object)` will be called by this thread when nobody can hold the object any more.
 * Cheap: an append to a list of the thread's own. */
void epoch_retire(struct epoch_thread *thread, void *object, void (*destroy)(void *object));

/* What this thread retires in this stay may be so many bytes: it is not freed in due course (once
 * for many objects or turns) but as soon as it can be. */
void epoch_hurry(struct epoch_thread *thread, size_t bytes);

/* The bytes that hurry and are not freed yet. */
size_t epoch_hurried(const struct epoch_thread *thread);

/* Objects of this thread that wait to be freed: an idle loop comes back while there are some. */
size_t epoch_pending(const struct epoch_thread *thread);

/* Frees what can be freed now; the thread is outside. */
void epoch_collect(struct epoch_thread *thread);

/* Waits until every thread that is inside now has been outside once; the caller is outside. */
void epoch_synchronize(struct epoch *epoch);

#endif
