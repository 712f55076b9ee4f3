/* engine_internal.h - the engine's parts, for engine.c and engine_iterator.c. */
#ifndef STORE_ENGINE_INTERNAL_H
#define STORE_ENGINE_INTERNAL_H

#include <pthread.h>

#include "store/catalog.h"
#include "store/engine.h"
#include "store/journal.h"
#include "store/key_filter.h"
#include "store/stage.h"
#include "store/tree.h"

struct engine {
    struct tree *tree;
    struct catalog *catalog; /* of the tree's tables, since it was opened so often: */
    unsigned long openings;
    _Atomic uint64_t writes;
    _Atomic int64_t put_bytes, journal_bytes, stalls, stall_us;
    size_t stage_bytes_max;

    /* Held by who writes, or moves all that is staged: the journal and the adding are its. */
    pthread_mutex_t write_mutex;
    struct journal *journal;
    bool must_cut; /* an append, or a sync behind it, failed */

    pthread_mutex_t mutex; /* of what follows; innermost but for a stage's own */
    pthread_cond_t changed;
    struct stage *active;
    struct stage *frozen;   /* on its way into LevelDB, or NULL */
    uint64_t active_number; /* its segment of the journal */
    uint64_t frozen_number;
    uint64_t freezes; /* so far */
    bool is_moving, is_stopping;
    enum status moved;               /* how the last move ended */
    atomic_bool is_journal_to_blame; /* the last failure was its */

    pthread_t thread;

    /* the mover's */
    struct tree_batch *batch;
    size_t moves_unsynced; /* stages that LevelDB has, but perhaps not on disk */
    int quiet_follows;     /* how often the catalog was followed since there was something new */

    struct key_filter *filters[2]; /* of the stages; any thread looks at both */
    int active_filter;
};

/* What is staged, the active stage first. */
struct engine_views {
    struct stage_view views[2];
    size_t count;
    uint64_t freezes;
};

void engine_open_views(struct engine *engine, struct engine_views *views);
void engine_close_views(struct engine_views *views);
/* Was anything frozen since they were opened? */
bool engine_has_frozen_since(struct engine *engine, const struct engine_views *views);

#endif
