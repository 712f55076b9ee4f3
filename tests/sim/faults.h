/* faults.h - what happens to a cluster in the time of one seed: clients, and trouble.
 *
 * Each seed has some kinds of trouble, chosen by chance, and others not at all: bugs hide from a
 * mix in which everything always happens.  For the time of the chaos clients write to random nodes
 * and trouble strikes at random moments; then all faults end, machines are started again, operators
 * wipe what has to be wiped, and the cluster has to become equal.
 *
 * The first node is steady: it is never wiped, restored, forgotten or sent away.  So something is
 * always left to be compared with.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim/world.h"

#define FAULTS(X)                                                                                  \
    X(LOSS, "loss")           /* messages are lost */                                              \
    X(DOUBLING, "doubling")   /* ... come twice */                                                 \
    X(DISORDER, "disorder")   /* ... overtake each other */                                        \
    X(LATENESS, "lateness")   /* ... come up to a minute late, and, by LEAP, hours */              \
    X(PARTITION, "partition") /* some nodes don't reach others, perhaps in one direction only */   \
    X(FLAP, "flap")           /* links end */                                                      \
    X(CRASH, "crash")         /* with loss of what was not synced */                               \
    X(TORN, "torn")           /* a crash while the ceiling is written */                           \
    X(RESTART, "restart")     /* clean */                                                          \
    X(WIPE, "wipe")           /* the disk is empty, the address the same */                        \
    X(RESTORE, "restore")     /* an old backup comes back */                                       \
    X(OFFSET, "offset")       /* clocks differ, within what is allowed */                          \
    X(DRIFT, "drift")         /* ... more and more */                                              \
    X(JUMP, "jump")           /* a clock is wrong for a while, far more than is allowed */         \
    X(JOIN, "join")           /* new nodes */                                                      \
    X(LEAVE, "leave")         /* GOSSIP LEAVE */                                                   \
    X(FORGET, "forget")       /* GOSSIP FORGET, of a node that may come back */                    \
    X(FULL, "full")           /* a full disk, for a while */                                       \
    X(STALL, "stall")         /* SIGSTOP, SIGCONT */                                               \
    X(SYNC, "sync")           /* durable points are rare */                                        \
    X(CUT, "cut")             /* logs are short */                                                 \
    X(LEAP, "leap")           /* hours pass at once */

enum fault {
#define FAULT_ENUM(name, word) FAULT_##name,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

const char *fault_word(enum fault fault);

static inline bool has_fault(const struct plan *plan, enum fault fault)
{
    return (plan->faults >> fault & 1) != 0;
}

/* A seed's own plan. */
struct plan faults_plan(uint64_t seed);

/* Builds the cluster, and lets the chaos begin. */
void faults_begin(struct world *world);
/* Ends all trouble; what has to be repaired by people is repaired, in some seconds. */
void faults_end(struct world *world);

#endif
