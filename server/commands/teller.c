#include "commands/teller.h"

#include "commands/events.h"

void teller_tell(void *context, struct bytes list)
{
    struct services *services = context;
    struct news news;

    while (news_next(&list, &news))
        events_tell(services->events, &news);
}
