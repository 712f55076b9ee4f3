/* Until compare is delivered, which replaces this file. */
#include "replication/compare.h"
#pragma GCC diagnostic ignored "-Wunused-parameter"
struct comparer *comparer_create(const struct comparer_owner *owner){return 0;}
void comparer_destroy(struct comparer *comparer){}
bool comparer_begin(struct comparer *comparer, struct gossip_time now, uint64_t node_id,uint64_t session){return true;}
bool comparer_is_running(const struct comparer *comparer){return true;}
void comparer_receive(struct comparer *comparer, struct gossip_time now, uint64_t node_id,const struct message *message){}
void comparer_tick(struct comparer *comparer, struct gossip_time now){}
void comparer_link_down(struct comparer *comparer, struct gossip_time now, uint64_t node_id){}
bool comparer_applied(struct comparer *comparer, struct gossip_time now, uint64_t token,enum applied result){return false;}
bool comparer_leaves(struct comparer *comparer, struct gossip_time now, uint64_t token,bool is_ready, const uint64_t *fingerprints, size_t count,const struct digest *root){return false;}
bool comparer_elements(struct comparer *comparer, struct gossip_time now, uint64_t token,const struct element *elements, size_t count){return false;}
bool comparer_collected(struct comparer *comparer, struct gossip_time now, uint64_t token,size_t answered, struct bytes records){return false;}
int64_t comparer_bytes(const struct comparer *comparer, uint64_t node_id){return 0;}
