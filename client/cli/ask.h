/* ask.h - one request and its reply. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "session.h"

/* A request under construction; the words are borrowed. */
struct request {
    struct grapevine_bytes *words;
    size_t count;
    size_t capacity;
};

void request_add(struct request *request, const char *word);
void request_add_bytes(struct request *request, const char *word, size_t size);

/* KEYWORD, or KEYWORD value, if the option was given. */
void request_add_flag(struct request *request, const struct cli *cli, enum cli_option option,
                      const char *keyword);
void request_add_option(struct request *request, const struct cli *cli, enum cli_option option,
                        const char *keyword);
void request_add_arguments(struct request *request, const struct cli *cli);

/* Two types that a reply may have, or one of them twice. */
struct expected {
    enum grapevine_reply_type type;
    enum grapevine_reply_type other_type;
};

extern const struct expected expected_anything;
extern const struct expected expected_array;

/* Sends the request, takes it over and waits.  *reply is the caller's, and as expected.  On failure
 * everything is said. */
enum cli_exit ask(struct cli *cli, struct request *request, enum grapevine_repeat repeat,
                  struct expected expected, struct grapevine_reply *reply);

#endif
