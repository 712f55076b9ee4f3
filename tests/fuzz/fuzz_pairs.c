/* fuzz_pairs.c - a file of pairs has the same elements however it is cut; and a pair that was read
 * is written and read again as it was. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/elements.h"
#include "client/cli/pair.h"
#include "fuzz/target.h"

static void assert_same(struct bytes one, struct bytes other)
{
    assert(one.size == other.size);
    assert(one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

static void write_and_read(const struct pair *pair)
{
    struct buffer line = {0}, scratch = {0};
    struct pair_error error;
    struct pair again;
    bool is_read;

    pair_append(&line, pair);
    assert(memchr(line.data, '\n', line.size) == line.data + line.size - 1);
    is_read =
        pair_parse((struct bytes){line.data, line.size}, PAIR_WHOLE, &scratch, &again, &error);
    assert(is_read);
    assert_same(pair->key, again.key);
    assert_same(pair->value, again.value);
    assert_same(pair->metadata, again.metadata);
    assert(pair->expires_at_ms == again.expires_at_ms);
    buffer_clear(&line);
    buffer_clear(&scratch);
}

static void read_element(struct bytes element)
{
    struct buffer scratch = {0};
    struct pair_error error;
    struct pair pair;

    if (pair_parse(element, PAIR_WHOLE, &scratch, &pair, &error))
        write_and_read(&pair);
    else
        assert(error.at <= element.size && error.sentence[0] != '\0');
    buffer_clear(&scratch);
}

/* Elements, each ended by a zero byte, with the bytes handed over `step` at a time. */
static enum elements_result collect(struct bytes text, size_t step, struct buffer *found,
                                    struct place *broken)
{
    size_t begin = 0, known = 0;
    struct elements elements;
    struct bytes element;
    const char *error;

    elements_init(&elements);
    for (;;) {
        struct bytes input = {text.data + begin, known - begin};
        size_t used;
        enum elements_result result =
            elements_next(&elements, input, known == text.size, &used, &element, broken, &error);

        begin += used;
        assert(begin <= known);
        if (result == ELEMENTS_MORE) {
            assert(known < text.size);
            known = text.size - known > step ? known + step : text.size;
        } else if (result != ELEMENTS_FOUND) {
            return result;
        } else {
            if (step == 1)
                read_element(element);
            buffer_append(found, element.data, element.size);
            buffer_append(found, "", 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {(const char *)data, size};
    struct buffer slowly = {0}, at_once = {0};
    struct place one = {0}, other = {0};

    assert(collect(text, 1, &slowly, &one) == collect(text, size, &at_once, &other));
    assert_same((struct bytes){slowly.data, slowly.size},
                (struct bytes){at_once.data, at_once.size});
    assert(one.line == other.line && one.column == other.column);
    buffer_clear(&slowly);
    buffer_clear(&at_once);
    return 0;
}
