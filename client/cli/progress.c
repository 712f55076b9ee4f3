#include "progress.h"

#include <inttypes.h>
#include <string.h>

#define DRAW_EVERY_MS 100
#define LINE_EVERY_MS 5000
#define BAR_WIDTH     20

void progress_init(struct progress *progress, const char *noun, bool is_terminal, int64_t now_ms)
{
    *progress = (struct progress){
        .noun = noun, .is_terminal = is_terminal, .begun_ms = now_ms, .drawn_ms = now_ms};
}

bool progress_is_due(const struct progress *progress, int64_t now_ms)
{
    return now_ms - progress->drawn_ms >= (progress->is_terminal ? DRAW_EVERY_MS : LINE_EVERY_MS);
}

const char *progress_number(uint64_t number, char text[PROGRESS_NUMBER_MAX])
{
    char digits[PROGRESS_NUMBER_MAX];
    size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
    char *out = text;

    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

const char *progress_size(uint64_t bytes, char text[PROGRESS_NUMBER_MAX])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;

    for (; size >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        size /= 1000;
    snprintf(text, PROGRESS_NUMBER_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
    return text;
}

/* "4:07", or "1:02:03". */
static void append_duration(char *text, size_t room, uint64_t seconds)
{
    if (seconds >= 3600)
        snprintf(text, room, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
                 seconds / 60 % 60, seconds % 60);
    else
        snprintf(text, room, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
}

/* "[====>    ] 41%  " */
static void append_bar(char *text, size_t room, const struct progress_state *state)
{
    uint64_t position = state->position < state->total ? state->position : state->total;
    double part = (double)position / (double)state->total;
    int filled = (int)(part * BAR_WIDTH);
    char bar[BAR_WIDTH + 1];

    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', (size_t)filled);
    if (filled < BAR_WIDTH)
        bar[filled] = '>';
    bar[BAR_WIDTH] = '\0';
    snprintf(text, room, "[%s] %d%%  ", bar, (int)(part * 100));
}

/* ", 0:04 left", as far as it can be told. */
static void append_left(char *text, size_t room, const struct progress_state *state,
                        int64_t spent_ms)
{
    double left;

    text[0] = '\0';
    if (state->total == 0 || state->position == 0 || state->position >= state->total)
        return;
    left = (double)spent_ms / 1000 * (double)(state->total - state->position) /
           (double)state->position;
    if (left > 1e9)
        return;
    snprintf(text, room, "  ");
    append_duration(text + 2, room - 2, (uint64_t)(left + 0.5));
    strncat(text, " left", room - strlen(text) - 1);
}

void progress_line(const struct progress *progress, const struct progress_state *state,
                   int64_t now_ms, char line[PROGRESS_LINE_MAX])
{
    int64_t spent_ms = now_ms > progress->begun_ms ? now_ms - progress->begun_ms : 1;
    uint64_t rate = (uint64_t)((double)state->count * 1000 / (double)spent_ms);
    char bar[64] = "", left[64], count[PROGRESS_NUMBER_MAX], size[PROGRESS_NUMBER_MAX];
    char each[PROGRESS_NUMBER_MAX];

    if (state->total > 0)
        append_bar(bar, sizeof(bar), state);
    append_left(left, sizeof(left), state, spent_ms);
    snprintf(line, PROGRESS_LINE_MAX, "%s%s %s  %s  %s/s%s", bar,
             progress_number(state->count, count), progress->noun,
             progress_size(state->bytes, size), progress_number(rate, each), left);
}

void progress_draw(struct progress *progress, FILE *out, const struct progress_state *state,
                   int64_t now_ms)
{
    char line[PROGRESS_LINE_MAX];

    progress_line(progress, state, now_ms, line);
    (void)fprintf(out, progress->is_terminal ? "\r%s\033[K" : "%s\n", line);
    (void)fflush(out);
    progress->drawn_ms = now_ms;
    progress->has_drawn = true;
}

void progress_end(struct progress *progress, FILE *out)
{
    if (progress->is_terminal && progress->has_drawn)
        (void)fprintf(out, "\r\033[K");
    progress->has_drawn = false;
}
