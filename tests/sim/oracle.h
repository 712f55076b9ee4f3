/* oracle.h - who knows everything: what must hold in a simulated cluster, checked as it runs.
 *
 * The oracle sees every write when it is committed, every record that is stored, purged or put on
 * disk anywhere, and every position and horizon that nodes claim.  Sound nodes (node_is_sound():
 * members that were not restored from a backup, forgotten, or found stale) must keep to this:
 *
 * I1  The version of a key never goes down on a node, but by a crash, or by a purge under the
 *     horizon.
 * I2  Nobody holds a live record older than a purged tombstone of its key: in memory, or on disk.
 * I3  Positions are true: for every write of origin o with a stamp up to V[o] a node holds it, or a
 *     newer version, or it was purged under a horizon.
 * I4  What was written up to a horizon is on every member's disk when that horizon holds (or
 *     newer, or purged); nothing is written below it any more.  I3 and I4 leave out writes of a
 *     node that is not sound, unless a sound one holds them.
 * I5  A stamp is given to one write only.
 * I6  A node that was neither restored nor forgotten is never found stale.
 *
 * And when all faults are over (oracle_is_settled(), oracle_check_end()): all members hold the same
 * live records; no tombstone is left; every write that was on the disk of a machine which has not
 * lost it since is there, or a newer one.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "sim/disk.h"
#include "sim/world.h"

struct oracle *oracle_create(struct world *world);
void oracle_destroy(struct oracle *oracle);

/* --- what happens --- */

/* A client's write is committed. */
void oracle_written(struct oracle *oracle, struct node *node, int slot,
                    const struct record *record);
/* Before the node's record of this key is replaced. */
void oracle_stores(struct oracle *oracle, struct node *node, int slot, const struct record *record);
/* Before it is purged. */
void oracle_purges(struct oracle *oracle, struct node *node, int slot, const struct record *record);
/* Before the batches up to a number become durable. */
void oracle_synced(struct oracle *oracle, struct node *node, uint64_t number);
void oracle_horizon(struct oracle *oracle, struct node *node, uint64_t horizon);
void oracle_stale(struct oracle *oracle, struct node *node);
/* A new node has become a full member: now I2 and I4 are due. */
void oracle_joined(struct oracle *oracle, struct node *node);
/* The process is gone; the disk is as it was left. */
void oracle_ended(struct oracle *oracle, struct node *node);
/* Its disk was wiped or replaced, or it does not belong to the cluster any more. */
void oracle_lost(struct oracle *oracle, struct node *node);
/* After every event of a node. */
void oracle_check_node(struct oracle *oracle, struct node *node);

/* Is it a write of a node that is not sound?  Such a one may stamp twice. */
bool oracle_is_doubtful(const struct oracle *oracle, const struct version *version);

/* --- at the end --- */

/* Is everything as it shall be at last?  If not, *why says what is missing. */
bool oracle_is_settled(const struct oracle *oracle, const char **why);
void oracle_check_end(struct oracle *oracle);

/* Prints which positions a node holds. */
void oracle_describe(const struct oracle *oracle, const struct node *node);
size_t oracle_write_count(const struct oracle *oracle);
size_t oracle_purge_count(const struct oracle *oracle);

#endif
