#include "commands/sparkline.h"

#define LINES 4

/* How many heights a column can have. */
static const char tips[] = {'_', '-', '`'};
#define STEPS (LINES * (int64_t)sizeof tips)

/* 0 .. STEPS - 1.  In floating point: values are any int64, and a picture is not exact. */
static int64_t height_of(int64_t value, int64_t least, int64_t greatest)
{
    double range = (double)greatest - (double)least;

    if (greatest == least)
        return 0;
    return (int64_t)(((double)value - (double)least) / range * (double)(STEPS - 1) + 0.5);
}

/* What of a column is seen in a line, 0 being the lowest. */
static char cell_of(int64_t height, int64_t line)
{
    int64_t step = height - line * (int64_t)sizeof tips;

    if (step < 0)
        return ' ';
    return step < (int64_t)sizeof tips ? tips[step] : '|';
}

/* Ends a line, without the blanks at its end. */
static void end_line(struct buffer *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->size--;
    buffer_append_byte(out, '\n');
}

static void draw_labels(const struct sparkline_column *columns, int count, struct buffer *out)
{
    bool is_more = true;

    for (size_t at = 0; at < SPARKLINE_LABEL_MAX && is_more; at++) {
        size_t before = out->size;

        is_more = false;
        for (int i = 0; i < count; i++) {
            bool is_there = strnlen(columns[i].label, SPARKLINE_LABEL_MAX) > at;

            is_more |= is_there;
            buffer_append_byte(out, is_there ? columns[i].label[at] : ' ');
        }
        if (is_more)
            end_line(out);
        else
            out->size = before;
    }
}

static void draw(const struct sparkline_column *columns, int count, int64_t least, int64_t greatest,
                 struct buffer *out)
{
    for (int64_t line = LINES - 1; line >= 0; line--) {
        for (int i = 0; i < count; i++)
            buffer_append_byte(out, cell_of(height_of(columns[i].value, least, greatest), line));
        end_line(out);
    }
    buffer_append_byte(out, '\n');
    draw_labels(columns, count, out);
}

void sparkline_draw(const struct sparkline_column *columns, int count, struct buffer *out)
{
    int64_t least = INT64_MAX, greatest = INT64_MIN;

    for (int i = 0; i < count; i++) {
        least = columns[i].value < least ? columns[i].value : least;
        greatest = columns[i].value > greatest ? columns[i].value : greatest;
    }
    for (int i = 0; i < count; i += SPARKLINE_COLUMNS) {
        int left = count - i;

        if (i > 0)
            buffer_append_byte(out, '\n');
        draw(columns + i, left < SPARKLINE_COLUMNS ? left : SPARKLINE_COLUMNS, least, greatest,
             out);
    }
}
