/* order_internal.h - between order.c and order_recover.c. */
#ifndef STORE_ORDER_INTERNAL_H
#define STORE_ORDER_INTERNAL_H

#include "store/order.h"

/* Calls on_commit() of all threads but one that knows already, NULL = of all.  Not under the order.
 */
void order_notify_others(struct order *order, const struct store_thread *knows);

/* Under the order: takes the oldest foreign batch out and tells whoever waits for it. */
void order_answer_foreign(struct order *order, enum status status);

/* Until order_end_reopening() nobody is inside the engine, nor comes in. */
void order_begin_reopening(struct order *order);
void order_end_reopening(struct order *order, bool is_open);

/* A commit failed (C4): takes back all that is not committed, and refuses writes until the engine
 * takes them again.  False if the server stops meanwhile. */
bool order_recover(struct order *order);

#endif
