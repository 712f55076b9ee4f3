/* acl_log.h - what users were refused, the newest first, for ACL LOG.
 *
 * The same refusal within a minute only counts on.  At most acllog-max-len entries are kept.
 */
#ifndef COMMANDS_ACL_LOG_H
#define COMMANDS_ACL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum acl_reason { ACL_REASON_COMMAND, ACL_REASON_KEY, ACL_REASON_CHANNEL, ACL_REASON_AUTH };

struct acl_event {
    enum acl_reason reason;
    bool is_in_multi;
    struct bytes object; /* the command, key or channel; with AUTH the word that was sent */
    struct bytes user;
    struct bytes client; /* as CLIENT LIST describes it, of the newest */
    uint64_t count;
    int64_t at_ms; /* of the newest */
};

struct acl_log;

struct acl_log *acl_log_create(void);
void acl_log_destroy(struct acl_log *log);

/* Any thread.  Copies what the event points to; its count is not read. */
void acl_log_add(struct acl_log *log, const struct acl_event *event, int64_t max_count);

void acl_log_reset(struct acl_log *log);

/* Calls each(context, event) for the newest `count` under the log's lock, after begin(context, n)
 * with how many there will be. */
void acl_log_show(struct acl_log *log, int64_t count, void (*begin)(void *context, size_t count),
                  void (*each)(void *context, const struct acl_event *event), void *context);

#endif
