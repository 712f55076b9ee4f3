/* feed.h - plays a connection: offers input to a parser in pieces and writes down what came of it.
 *
 * The unit tests and the fuzz target share it: however the input is cut, what was heard must be the
 * same.  It checks on the way what parser.h promises of *consumed and resp_parser_wants(), and
 * keeps the input in a block of exactly its size that moves with every piece, so that the address
 * sanitizer sees any look beyond it or back.
 *
 * A line for each result: (GET)(key), nothing, oversized 100 (SET), error Protocol error: ...,
 * attack.
 */
#ifndef UNIT_RESP_FEED_H
#define UNIT_RESP_FEED_H

#include <assert.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "resp/parser.h"

struct feed {
    struct resp_parser parser;
    struct resp_limits limits;
    char *input; /* offered and not consumed */
    size_t size;
    struct buffer heard;
    bool is_over;
};

static inline void feed_init(struct feed *feed, const struct resp_limits *limits)
{
    *feed = (struct feed){.limits = *limits};
    resp_parser_init(&feed->parser);
}

static inline void feed_clear(struct feed *feed)
{
    resp_parser_clear(&feed->parser);
    free(feed->input);
    buffer_clear(&feed->heard);
}

static inline void feed_note_argument(struct feed *feed, struct bytes argument)
{
    buffer_append_byte(&feed->heard, '(');
    for (size_t i = 0; i < argument.size; i++) {
        unsigned char byte = (unsigned char)argument.data[i];

        if (byte < ' ' || byte > '~')
            buffer_printf(&feed->heard, "\\x%02x", (unsigned)byte);
        else
            buffer_append_byte(&feed->heard, (char)byte);
    }
    buffer_append_byte(&feed->heard, ')');
}

static inline void feed_note(struct feed *feed, enum resp_result result)
{
    static const char *const words[] = {[RESP_MORE] = "",           [RESP_REQUEST] = "",
                                        [RESP_NOTHING] = "nothing", [RESP_OVERSIZED] = "oversized ",
                                        [RESP_ERROR] = "error ",    [RESP_ATTACK] = "attack"};
    const struct resp_parser *parser = &feed->parser;

    buffer_append_text(&feed->heard, words[result]);
    if (result == RESP_OVERSIZED)
        buffer_printf(&feed->heard, "%lld ", (long long)parser->oversized_bytes);
    if (result == RESP_ERROR)
        buffer_append_text(&feed->heard, parser->error);
    if (result == RESP_REQUEST || result == RESP_OVERSIZED) {
        assert(parser->argc > 0 && (result == RESP_REQUEST || parser->argc == 1));
        for (size_t i = 0; i < parser->argc; i++)
            feed_note_argument(feed, parser->argv[i]);
    }
    buffer_append_byte(&feed->heard, '\n');
}

/* Replaces the input by its bytes from `start` on and `more` behind them, in a block of its own. */
static inline void feed_move_input(struct feed *feed, size_t start, struct bytes more)
{
    size_t kept = feed->size - start;
    char *moved = xmalloc(kept + more.size);

    if (kept > 0)
        memcpy(moved, feed->input + start, kept);
    if (more.size > 0)
        memcpy(moved + kept, more.data, more.size);
    free(feed->input);
    feed->input = moved;
    feed->size = kept + more.size;
}

static inline void feed_bytes(struct feed *feed, struct bytes piece)
{
    size_t wanted = resp_parser_wants(&feed->parser, feed->size), done = 0, consumed = 0;
    enum resp_result result;

    if (feed->is_over)
        return;
    feed_move_input(feed, 0, piece);
    for (;;) {
        result = resp_parser_next(&feed->parser, &feed->limits, feed->input + done,
                                  feed->size - done, &consumed);
        assert(consumed <= feed->size - done);
        assert(result == RESP_MORE || piece.size >= wanted);
        wanted = 0;
        done += consumed;
        if (result == RESP_MORE)
            break;
        assert(consumed > 0);
        feed_note(feed, result);
        if (result == RESP_ERROR || result == RESP_ATTACK) {
            feed->is_over = true;
            break;
        }
    }
    assert(result != RESP_MORE || consumed == 0 || feed->parser.progress.is_skipping);
    feed_move_input(feed, done, (struct bytes){NULL, 0});
}

/* All of `input` in pieces of `step` bytes, the first one `first` long.  The caller clears what was
 * heard. */
static inline struct buffer feed_cut(const struct resp_limits *limits, struct bytes input,
                                     size_t first, size_t step)
{
    struct feed feed;
    struct buffer heard;
    size_t size = first;

    feed_init(&feed, limits);
    for (size_t at = 0; at < input.size; at += size, size = step) {
        if (size > input.size - at)
            size = input.size - at;
        feed_bytes(&feed, (struct bytes){input.data + at, size});
    }
    heard = feed.heard;
    feed.heard = (struct buffer){0};
    feed_clear(&feed);
    return heard;
}

#endif
