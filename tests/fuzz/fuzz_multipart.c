/* fuzz_multipart.c - the parts of a form lie within its body, one behind the other, each between
 * two lines that are the boundary; nothing else moves the reader on.
 *
 * An input is a Content-Type, a line end, and a body. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "fuzz/target.h"
#include "http/multipart.h"

static bool is_inside(struct bytes view, struct bytes inside)
{
    return view.data >= inside.data && view.data + view.size <= inside.data + inside.size;
}

/* A delimiter begins at the end of the part's data, perhaps with the line end in front of it. */
static void require_delimiter(const struct multipart *multipart, struct bytes data)
{
    const char *end = data.data + data.size, *dashes = multipart->body.data + multipart->at;

    assert(dashes == end + (data.size == 0 && dashes == end ? 0 : 2));
    assert(memcmp(dashes - 2, "\r\n--", 4) == 0);
    assert(memcmp(dashes + 2, multipart->boundary.data, multipart->boundary.size) == 0);
}

static void read_parts(struct bytes body, struct bytes boundary)
{
    struct multipart multipart;
    struct multipart_part part;
    enum multipart_event event;
    const char *at = body.data;

    multipart_init(&multipart, body, boundary);
    while ((event = multipart_next(&multipart, &part)) == MULTIPART_PART) {
        assert(is_inside(part.name, body) && is_inside(part.data, body));
        assert(part.name.data > at && part.data.data >= part.name.data + part.name.size);
        require_delimiter(&multipart, part.data);
        at = part.data.data + part.data.size;
    }
    assert(event == multipart_next(&multipart, &part));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
    struct bytes type, body, boundary;
    char *copy;

    if (line_end == NULL)
        return 0;
    type = (struct bytes){(const char *)data, (size_t)(line_end - data)};
    (void)multipart_is_form(type);
    if (!multipart_boundary(type, &boundary))
        return 0;
    assert(is_inside(boundary, type));
    assert(boundary.size > 0 && boundary.size <= MULTIPART_BOUNDARY_MAX);
    body.size = size - type.size - 1;
    copy = xmalloc(body.size + 1);
    memcpy(copy, line_end + 1, body.size);
    body.data = copy;
    read_parts(body, boundary);
    free(copy);
    return 0;
}
