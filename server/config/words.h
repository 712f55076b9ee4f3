/* words.h - a line of a config file and its words.
 *
 * Words are separated by blanks.  A word may be quoted: in "double quotes" \n \r \t \a \b \xFF and
 * \" mean what they mean in C and any other escaped character itself, in 'single quotes' only \' is
 * special.  A closing quote ends the word, so a blank or the end must follow.  These are the rules
 * of redis.conf.
 */
#ifndef CONFIG_WORDS_H
#define CONFIG_WORDS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/compiler.h"

/* All zeros is no words.  Owns what the words point to. */
struct words {
    char *storage;
    struct bytes *word;
    size_t count;
};

/* False if quotes are unbalanced; `words` is then untouched. */
bool words_split(struct bytes line, struct words *words) MUST_USE;
void words_clear(struct words *words);

/* Appends `word` so that words_split() reads it back: as it is if it can stand so, else quoted. */
void words_quote(struct buffer *line, struct bytes word);

/* Takes the next line, without its newline, off the front of `text`; false if there is none left.
 */
bool words_next_line(struct bytes *text, struct bytes *line);

/* Without quotes: takes the next word off the front of `rest`; false if there is none left. */
bool words_next(struct bytes *rest, struct bytes *word);

#endif
