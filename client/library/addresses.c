#include "library/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "library/memory.h"

#define PORT_MAX 65535

/* With a zero behind it. */
#define PATH_SIZE_MAX sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* How much of a wrong address an error repeats. */
#define ECHO_MAX 128

static bool refuse(char sentence[GRAPEVINE_SENTENCE_MAX], struct grapevine_bytes word,
                   const char *why)
{
    int size = (int)(word.size < ECHO_MAX ? word.size : ECHO_MAX);

    (void)snprintf(sentence, GRAPEVINE_SENTENCE_MAX, "'%.*s' is not the address of a server: %s",
                   size, word.data, why);
    return false;
}

static bool is_port(const char *text, size_t size, int *port)
{
    int number = 0;

    if (size < 1 || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = 10 * number + (text[i] - '0');
    }
    if (number < 1 || number > PORT_MAX)
        return false;
    *port = number;
    return true;
}

/* Splits "[v6]:port", "host:port" and "host".  NULL, or why it is none of them. */
static const char *split(struct grapevine_bytes word, struct grapevine_bytes *host, int *port)
{
    const char *end = word.data + word.size, *host_end, *colon;

    *host = word;
    *port = ADDRESS_PORT_USUAL;
    if (word.data[0] == '[') {
        host_end = memchr(word.data, ']', word.size);
        if (host_end == NULL)
            return "the bracket is never closed";
        *host = (struct grapevine_bytes){word.data + 1, (size_t)(host_end - word.data - 1)};
        colon = host_end + 1;
    } else {
        colon = memchr(word.data, ':', word.size);
        if (colon == NULL)
            return NULL;
        if (memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
            return "an IPv6 address stands in brackets, [address]:port";
        host->size = (size_t)(colon - word.data);
    }
    if (host->size == 0)
        return "the host is missing";
    if (colon == end)
        return NULL;
    if (*colon != ':' || !is_port(colon + 1, (size_t)(end - colon - 1), port))
        return "a port is a number from 1 to 65535";
    return NULL;
}

static bool add(struct addresses *addresses, struct grapevine_bytes word,
                char sentence[GRAPEVINE_SENTENCE_MAX])
{
    struct address *address = &addresses->list[addresses->count];
    struct grapevine_bytes host;
    const char *why;

    if (word.size == 0)
        return refuse(sentence, word, "it is empty");
    if (addresses->count == GRAPEVINE_SERVERS_MAX)
        return refuse(sentence, word, "there are 64 before it, and that is the limit");
    *address = (struct address){0};
    if (memchr(word.data, '/', word.size) == NULL) {
        why = split(word, &host, &address->port);
        if (why != NULL)
            return refuse(sentence, word, why);
        address->host = memory_copy(host.data, host.size);
    } else if (word.size >= PATH_SIZE_MAX) {
        return refuse(sentence, word, "the path of a socket has at most 107 bytes");
    }
    address->name = memory_copy(word.data, word.size);
    addresses->count++;
    return true;
}

static struct grapevine_bytes trim(const char *begin, const char *end)
{
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    return (struct grapevine_bytes){begin, (size_t)(end - begin)};
}

bool addresses_parse(struct addresses *addresses, const char *text,
                     char sentence[GRAPEVINE_SENTENCE_MAX])
{
    addresses->count = 0;
    for (;;) {
        const char *end = strchrnul(text, ',');

        if (!add(addresses, trim(text, end), sentence)) {
            addresses_clear(addresses);
            return false;
        }
        if (*end == '\0')
            return true;
        text = end + 1;
    }
}

void addresses_clear(struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        free(addresses->list[i].name);
        free(addresses->list[i].host);
    }
    addresses->count = 0;
}
