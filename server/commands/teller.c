#include "commands/teller.h"

#include "commands/events.h"
#include "commands/tracking.h"
#include "commands/watch.h"

void teller_tell(void *context, struct bytes list)
{
    struct services *services = context;
    struct news news;

    while (news_next(&list, &news)) {
        events_tell(services->events, &news);
        tracking_tell(services->tracking, &news);
        watch_tell(services->watch, &news);
    }
    tracking_end_group(services->tracking);
}
