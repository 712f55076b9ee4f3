/* notes.h - names of this node's own notes (keyspace 'z'); never replicated. */
#ifndef STORE_NOTES_H
#define STORE_NOTES_H

#define NOTE_NODE_ID "node-id" /* u64 */
#define NOTE_CEILING "ceiling" /* u64: no stamp above it has been seen outside (order.h, C5) */
#define NOTE_CLEAN   "clean"   /* present only after a clean stop */
#define NOTE_NUMBER  "number/" /* + namespace id: u32, where its keys are */
#define NOTE_COUNTS  "counts/" /* + u32 number: keys, bytes, expiring keys, buried, each u64 */
#define NOTE_ORIGIN  "origin/" /* + u16 alias: u64, the node it stands for */
#define NOTE_GOSSIP  "gossip"  /* replication's own state (replica.h) */
#define NOTE_ALONE                                                                                 \
    "alone" /* opened with `replication no`, and replication has not heard of it yet */
#define NOTE_DIGEST  "digest" /* while stored sums hold: digest_keys.check, and the boot's id */
#define NOTE_OWN     "own" /* u64: the newest own stamp in leaves that are not marked: digest.h */
#define NOTE_PURGE   "purge/"  /* + u32 number: its keys are to be removed */
#define NOTE_LOADING "loading" /* while a blank store is being filled: transfer_load.h */

/* These are about this node and its process; the others about what is stored.  A store that another
 * node's is taken over by keeps its own of these (takeover.h). */
#define NOTES_OF_NODE                                                                              \
    {                                                                                              \
        NOTE_NODE_ID, NOTE_CEILING, NOTE_CLEAN, NOTE_GOSSIP, NOTE_ALONE, NOTE_OWN, NOTE_LOADING    \
    }

#endif
