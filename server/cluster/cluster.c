#include "cluster/cluster.h"

#include <string.h>

/* What a single node answers. */

int cluster_count_applied(struct cluster *cluster, uint64_t stamp)
{
    (void)cluster;
    (void)stamp;
    return 0;
}

void cluster_status(struct cluster *cluster, struct cluster_status *status)
{
    (void)cluster;
    memset(status, 0, sizeof *status);
}

enum status cluster_meet(struct cluster *cluster, struct bytes address,
                         char error[CLUSTER_ERROR_MAX])
{
    (void)cluster;
    (void)address;
    (void)error;
    return STATUS_FAILED;
}

enum status cluster_forget(struct cluster *cluster, uint64_t node_id, char error[CLUSTER_ERROR_MAX])
{
    (void)cluster;
    (void)node_id;
    (void)error;
    return STATUS_FAILED;
}

enum status cluster_leave(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    (void)cluster;
    (void)error;
    return STATUS_FAILED;
}

enum status cluster_sync(struct cluster *cluster, char error[CLUSTER_ERROR_MAX])
{
    (void)cluster;
    (void)error;
    return STATUS_FAILED;
}

enum status cluster_salvage(struct cluster *cluster, struct bytes path, int64_t *count,
                            char error[CLUSTER_ERROR_MAX])
{
    (void)cluster;
    (void)path;
    (void)count;
    (void)error;
    return STATUS_FAILED;
}
