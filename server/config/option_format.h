/* option_format.h - texts to values and back, by type.
 *
 * A value is a number or a text.  Texts are kept in one spelling (blanks single, words in their
 * order, sizes as plain bytes), so that equal values are equal texts.
 */
#ifndef CONFIG_OPTION_FORMAT_H
#define CONFIG_OPTION_FORMAT_H

#include "config/option_table.h"

/* What an override of the limits' profile holds while it overrides nothing. */
#define OPTION_FROM_PROFILE (-1)

struct option_value {
    int64_t number;
    struct bytes text; /* owned, a zero behind it; without data if the option is a number */
};

struct option_value option_of_number(int64_t number);

/* What was collected becomes the value; a buffer that was never written to is an empty text. */
struct option_value option_of_text(struct buffer *collected);

struct option_value option_value_copy(const struct option_value *value);
void option_value_clear(struct option_value *value);
bool option_value_equal(const struct option_value *a, const struct option_value *b);

/* Reads `text` as a value of this option.  `old_text` is what a text option holds so far: some
 * formats change only a part of it.  On failure `problem` is Redis's text for it, which names
 * neither option nor value. */
bool option_parse(enum option_id id, struct bytes text, struct bytes old_text,
                  struct option_value *value, char problem[OPTIONS_ERROR_MAX]) MUST_USE;

/* Appends the value as CONFIG GET answers it; option_parse() reads it back. */
void option_print(enum option_id id, const struct option_value *value, struct buffer *text);

/* Appends what may be said, to follow "is not": "a number from 0 to 65535". */
void option_print_allowed(enum option_id id, struct buffer *text);

/* Out of the text of client-output-buffer-limit. */
void option_output_limits(struct bytes text, struct output_limit limits[CLIENT_CLASS_COUNT]);

#endif
