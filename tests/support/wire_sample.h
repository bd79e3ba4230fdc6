/* wire_sample: one message of each type. Those that docs/PROTOCOL.md shows, and that fuzzing starts from. */
#ifndef LARDER_TESTS_WIRE_SAMPLE_H
#define LARDER_TESTS_WIRE_SAMPLE_H

#include "node/wire.h"

#define WIRE_SAMPLES 24

/* Number 0 to WIRE_SAMPLES - 1, in the order of their types. Borrows from what is static. The WELCOME is an answer to the HELLO, and signed. */
void wire_sample(unsigned number, struct wire_message *ret_message);
enum wire_type wire_sample_type(unsigned number);

/* The same, as people compare them: texts and bytes by content. */
bool wire_sample_equal(const struct wire_message *a, const struct wire_message *b);

#endif
