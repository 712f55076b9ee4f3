/* Until the endpoints are there. */
#include "http/routes.h"
#define EMPTY(name) __attribute__((weak)) const struct route name[] = {{.path = 0}}
EMPTY(rest_account_routes);
EMPTY(rest_namespace_routes);
EMPTY(rest_key_routes);
EMPTY(rest_value_routes);
EMPTY(rest_bulk_routes);
