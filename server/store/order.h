/* order.h - the one order in which a node's writes are committed.
 *
 * A writer takes the order (a mutex held for the length of one transaction, never across I/O), puts
 * its changes into the open group, publishes the new entries in the cache and lets go.  The commit
 * thread takes the open group whole, turns it into one LevelDB batch, writes it, and raises the
 * committed group; replies that depend on the group leave then.  While it writes, the next group
 * fills: the slower the disk, the larger the groups.
 *
 * C1  Groups are numbered from 1 and committed in that order, each all or nothing.
 * C2  An entry whose group is not committed stays in the cache: nobody reads the disk behind it.
 * C3  Several writes of one key in one group are stored once.
 * C4  If a group fails, it and all that followed it are undone before anything is written again; no
 *     reply that depends on them has left, and none will.
 * C5  Stamps are issued under the order and rise with it.  No stamp above the persisted ceiling is
 *     seen outside: the batch that first carries one raises the ceiling and is synced.
 * C6  The commit thread alone writes to LevelDB; nothing else may wait on LevelDB's write side.
 */
