#include "net/rooms.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* So many that nobody has keep their pages. */
#define WARM_MAX 16

/* A room begins so many lines further in its page than the one before. */
#define LINES_NEXT 5

static char *place(char *region, size_t number)
{
    return region + number * ROOM_SPAN + number * LINES_NEXT * CACHE_LINE % MEMORY_PAGE;
}

static void push(struct rooms *rooms, char *room)
{
    rooms->empty =
        xgrow(rooms->empty, rooms->empty_count, &rooms->empty_capacity, sizeof(*rooms->empty));
    rooms->empty[rooms->empty_count++] = room;
}

/* A huge page would be there as a whole as soon as one client has sent one byte. */
static void add_region(struct rooms *rooms)
{
    char *region = xmap(ROOMS_REGION_SIZE);

    (void)madvise(region, ROOMS_REGION_SIZE, MADV_NOHUGEPAGE);
    rooms->regions = xgrow(rooms->regions, rooms->region_count, &rooms->region_capacity,
                           sizeof(*rooms->regions));
    rooms->regions[rooms->region_count++] = region;
    for (size_t i = ROOMS_IN_REGION; i-- > 0;)
        push(rooms, place(region, i));
}

static void drop_pages(char *room)
{
    (void)madvise(room - (uintptr_t)room % MEMORY_PAGE, ROOM_SPAN, MADV_DONTNEED);
}

char *rooms_take(struct rooms *rooms)
{
    if (rooms->empty_count == 0)
        add_region(rooms);
    if (rooms->warm_count > 0)
        rooms->warm_count--;
    memory_count_mapped((ptrdiff_t)ROOM_SIZE);
    return rooms->empty[--rooms->empty_count];
}

void rooms_give(struct rooms *rooms, char *room)
{
    if (rooms->warm_count == WARM_MAX)
        drop_pages(rooms->empty[rooms->empty_count - WARM_MAX]);
    else
        rooms->warm_count++;
    push(rooms, room);
    memory_count_mapped(-(ptrdiff_t)ROOM_SIZE);
}

void rooms_clear(struct rooms *rooms)
{
    assert(rooms->empty_count == rooms->region_count * ROOMS_IN_REGION);
    for (size_t i = 0; i < rooms->region_count; i++)
        (void)munmap(rooms->regions[i], ROOMS_REGION_SIZE);
    free(rooms->regions);
    free(rooms->empty);
    *rooms = (struct rooms){0};
}
