#include "store/news.h"

void news_put(struct buffer *list, const struct news *news)
{
    buffer_append(list, news, sizeof *news);
    buffer_append_bytes(list, news->key);
}

/* Copied out: nothing in the list is aligned. */
bool news_next(struct bytes *list, struct news *news)
{
    if (list->size == 0)
        return false;
    memcpy(news, list->data, sizeof *news);
    news->key.data = list->data + sizeof *news;
    list->data += sizeof *news + news->key.size;
    list->size -= sizeof *news + news->key.size;
    return true;
}
