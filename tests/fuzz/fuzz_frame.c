/* fuzz_frame.c - whatever comes on a link, the parser gets on, stays within what came, and asks for
 * no more than a frame may be; pieces join to what their sizes say; and however the input is cut,
 * the frames are the same.
 *
 * The first byte of an input seeds the cuts. */
#include <assert.h>

#include "base/hash.h"
#include "base/random.h"
#include "cluster/joiner.h"
#include "fuzz/target.h"

#define BYTES_MAX 4096
#define BODY_MAX  65536

static void require_inside(struct bytes view, struct bytes input, size_t size)
{
    assert(view.size == 0 ||
           (view.data >= input.data && view.data + view.size <= input.data + size));
}

static void take(const struct frame *frame, struct joiner *joiner, uint64_t *sum)
{
    bool is_whole = false;

    *sum = *sum * 31 + hash_content(frame->name) + hash_content(frame->body) * 3 + frame->kind;
    if (frame->kind != FRAME_PART)
        return;
    assert(frame->body.size <= frame->size && frame->offset <= frame->size - frame->body.size);
    if (joiner_add(joiner, frame, BODY_MAX, &is_whole) != STATUS_OK)
        *sum += 1;
    assert(joiner->body.size <= BODY_MAX);
    assert(!is_whole || joiner->body.size == frame->size);
}

/* Shows the parser `first` bytes, then as many more as it asks for or as come next. */
static uint64_t read_all(struct bytes input, struct random *random)
{
    struct joiner joiner = {.size = 0};
    size_t at = 0, there = 0, needed = 1;
    uint64_t sum = 0;

    for (;;) {
        struct bytes view = {input.data + at, there - at};
        struct frame frame;
        size_t size = 0;
        enum frame_result result = FRAME_MORE;

        if (view.size >= needed)
            result = frame_parse(view, BYTES_MAX, &frame, &size);
        if (view.size >= needed && result == FRAME_MORE) {
            assert(size > view.size && size <= BYTES_MAX);
            needed = size;
        }
        if (result == FRAME_BAD) {
            sum += 7;
            break;
        }
        if (result == FRAME_OK) {
            assert(size > 0 && size <= view.size);
            require_inside(frame.name, view, size);
            require_inside(frame.body, view, size);
            take(&frame, &joiner, &sum);
            at += size;
            needed = 1;
        } else if (there == input.size) {
            break;
        } else if (random == NULL) {
            there = input.size;
        } else {
            there += 1 + random_below(random, input.size - there);
        }
    }
    joiner_clear(&joiner);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {(const char *)data + 1, size - 1};
    struct random random;

    if (size == 0)
        return 0;
    random = (struct random){data[0]};
    for (int i = 0; i < 4; i++)
        assert(read_all(input, NULL) == read_all(input, &random));
    return 0;
}
